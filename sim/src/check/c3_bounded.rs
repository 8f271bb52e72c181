//! C3 `bounded`: an unmarked answer is at most 5 s behind the last commit at the receipt of its request. The request is
//! received after it was sent, so commits 5 s before the sending must show; where the store was put back, what it lost by
//! that must show no more. What the bound rests on is held to it as well: no lease grows while something is missing, and a
//! suspect instance stores nothing.

use super::checker::{Checker, Rules, Violation, violated};
use super::commits::Commits;
use super::requests::{Requests, Sent};
use crate::log::{Answer, Event, LEASE_GREW_WHILE_OPEN, Op, Record, SUSPECT_STORED};

const NAME: &str = "C3 bounded";
const BOUND_MS: u64 = 5_000;

/// The checker.
#[derive(Default)]
pub(super) struct Bounded {
    requests: Requests,
    commits: Commits,
    rules: Rules,
}

impl Bounded {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// What was committed before it must show. An answer that is marked as stale was right when trust was lost, which is
    /// no longer ago than is configured.
    fn cutoff(&self, sent: &Sent, answer: &Answer) -> Option<u64> {
        let more_ms = if answer.stale { self.rules.stale_max_ms } else { 0 };
        sent.at_ms.checked_sub(BOUND_MS.saturating_add(more_ms))
    }

    fn check_list(&self, sent: &Sent, answer: &Answer, record: &Record, cutoff: u64) -> Result<(), Violation> {
        let Op::List(company) = sent.ask.op else { return Ok(()) };
        if let Some(total) = answer.total
            && !self.commits.counts(company, cutoff).contains(&total)
        {
            let message = format!("a list of {} tells of {total} rows, as it was not for 5 s", answer.boot);
            return Err(violated(NAME, record, message));
        }
        if !answer.whole {
            return Ok(());
        }
        for (key, commits) in self.commits.rows(company) {
            let Some(known) = commits.iter().rev().find(|commit| commit.at_ms <= cutoff) else { continue };
            let untouched = commits.last().is_some_and(|last| last.ordinal == known.ordinal);
            if untouched && !known.is_delete() && !answer.shown.iter().any(|shown| shown.key == key) {
                let message = format!("a list of {} lacks {key}, there since {} ms", answer.boot, known.at_ms);
                return Err(violated(NAME, record, message));
            }
        }
        Ok(())
    }
}

impl Checker for Bounded {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.commits.observe(record);
        match &record.event {
            Event::Noticed { what } if what == LEASE_GREW_WHILE_OPEN => {
                return Err(violated(NAME, record, format!("{} prolongs its lease over an open gap", record.host)));
            }
            Event::Noticed { what } if what == SUSPECT_STORED => {
                return Err(violated(NAME, record, format!("{} is suspect and stores", record.host)));
            }
            _ => {}
        }
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        let Some(cutoff) = self.cutoff(&sent, answer) else { return Ok(()) };
        let is_read = matches!(sent.ask.op, Op::Get | Op::List(_));
        if !is_read {
            return Ok(());
        }
        for shown in &answer.shown {
            if let Some(known) = self.commits.last_at(shown.key, cutoff)
                && shown.version.is_below(known.version)
                && !self.commits.is_put_back_to(shown, cutoff)
            {
                let message = format!(
                    "{} showed {} of {}, but {} was committed {} ms before the request",
                    answer.boot,
                    shown.version,
                    shown.key,
                    known.version,
                    sent.at_ms - known.at_ms
                );
                return Err(violated(NAME, record, message));
            }
            if self.commits.is_of_lost_life(shown, cutoff) {
                let message = format!(
                    "{} showed {} of {}, which the store lost more than 5 s before the request",
                    answer.boot, shown.version, shown.key
                );
                return Err(violated(NAME, record, message));
            }
        }
        if answer.status == 404
            && let Some(key) = sent.ask.key
            && !self.commits.was_absent(key, cutoff, record.at_ms)
        {
            let message = format!("{} says that {key} is absent, which it was not for 5 s", answer.boot);
            return Err(violated(NAME, record, message));
        }
        if answer.status == 200 { self.check_list(&sent, answer, record, cutoff) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{COMPANY, Forge, shows};
    use super::*;

    #[test]
    fn an_old_answer_is_refused_unless_it_is_marked() {
        let history = || Forge::default().commit(0, 1).commit(1_000, 2);
        let old = |stale| history().ask_marked(6_001, 6_002, Op::Get, None, 200, shows(1), stale);
        assert!(old(false).check(Bounded::default()).is_err());
        assert_eq!(old(true).check(Bounded::default()), Ok(()));
        let for_at_most = |stale_max_ms| Bounded::new(Rules { stale_max_ms, ..Rules::default() });
        let late = || history().ask_marked(9_001, 9_002, Op::Get, None, 200, shows(1), true);
        assert!(late().check(for_at_most(3_000)).is_err(), "longer than is configured");
        assert_eq!(late().check(for_at_most(3_002)), Ok(()));
    }

    #[test]
    fn a_list_that_lacks_an_old_row_is_refused() {
        let history = Forge::default().commit(0, 1).ask(5_500, 5_501, Op::List(None), None, 200, vec![]);
        assert!(history.check(Bounded::default()).is_err());
    }

    #[test]
    fn a_total_that_is_too_old_is_refused() {
        let asks = |at| Forge::default().commit(0, 1).delete(1_000, 2).total(at, Op::List(None), 1);
        assert_eq!(asks(5_900).check(Bounded::default()), Ok(()));
        assert!(asks(6_100).check(Bounded::default()).is_err());
        let moved = |company, at| {
            let history = Forge::default().commit(0, 1).file(1_000, 2, uuid::Uuid::from_u128(77));
            history.total(at, Op::List(Some(company)), 1).check(Bounded::default())
        };
        assert!(moved(COMPANY, 6_100).is_err(), "it was filed elsewhere");
        assert_eq!(moved(uuid::Uuid::from_u128(77), 6_100), Ok(()));
    }

    #[test]
    fn an_absence_that_is_too_old_is_refused() {
        let history = Forge::default().delete(0, 1).commit(10, 2).ask(5_500, 5_501, Op::Get, None, 404, vec![]);
        assert!(history.check(Bounded::default()).is_err());
    }

    #[test]
    fn a_lease_over_an_open_gap_and_a_suspect_that_stores_are_refused() {
        for what in [LEASE_GREW_WHILE_OPEN, SUSPECT_STORED] {
            let history = Forge::default().event(0, "i0", Event::Noticed { what: what.to_owned() });
            assert!(history.check(Bounded::default()).is_err());
        }
    }

    #[test]
    fn what_the_store_lost_when_it_was_put_back_is_accepted_for_as_long_as_the_bound_says() {
        let history = || Forge::default().commit(0, 1).commit(1_000, 2).put_back(2_000, 1);
        assert_eq!(history().get(6_900, 2).get(6_950, 1).check(Bounded::default()), Ok(()));
        assert!(history().get(7_100, 2).check(Bounded::default()).is_err());
        assert_eq!(history().get(7_100, 1).check(Bounded::default()), Ok(()));
    }

    #[test]
    fn answers_within_the_bound_are_accepted() {
        let history = Forge::default().commit(0, 1).commit(1_000, 2).get(5_900, 1).get(6_100, 2);
        let history = history.delete(7_000, 3).ask(7_100, 7_101, Op::List(None), None, 200, vec![]);
        assert_eq!(history.check(Bounded::default()), Ok(()));
    }
}
