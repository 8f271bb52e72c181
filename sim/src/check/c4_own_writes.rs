//! C4 `own_writes`: with `X-Min-Version: n` any instance answers at least n, or says 503. An absence satisfies any n if
//! the row is absent in the store, else it must be that of a deletion at or above n.
//!
//! Where nothing is broken, 503 is no answer: what was committed before the request is reached.

use super::c7_converge::FINAL;
use super::checker::{Checker, Violation, violated};
use super::commits::Commits;
use super::put_back::PutBack;
use super::requests::{Requests, Sent};
use crate::log::{Event, Op, Record};

const NAME: &str = "C4 own_writes";

/// The checker.
#[derive(Default)]
pub(super) struct OwnWrites {
    requests: Requests,
    commits: Commits,
    put_back: PutBack,
    /// Nothing is broken, but what never ends.
    is_calm: bool,
    /// The instance that this hurts.
    hurt: Option<usize>,
}

/// The phases in which nothing is broken.
const CALM: [&str; 3] = [FINAL, "encore", "lists"];

/// For so long an instance may hold a deletion that the store has lost, if nobody noticed.
const ABSENCE_LIFE_MS: u64 = 15_000;

impl OwnWrites {
    /// Whether what the request asks for was committed before it, and must be answered.
    fn is_due(&self, sent: &Sent) -> bool {
        let (Some(min), Some(key), Op::Get) = (sent.ask.min, sent.ask.key, sent.ask.op) else { return false };
        let is_there = self.commits.of(key).iter().any(|commit| commit.version == min && commit.ordinal < sent.ordinal);
        self.is_calm && is_there && Some(sent.ask.instance) != self.hurt
    }

    fn judge(&mut self, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::Phase { name } => self.is_calm = CALM.contains(&name.as_str()),
            Event::Permanent { hurt, .. } => self.hurt = *hurt,
            Event::Unanswered { request, why } => {
                if let Some(sent) = self.requests.asked(*request).filter(|sent| self.is_due(sent)) {
                    return Err(format!("a request for {:?} at least has no answer: {why}", sent.ask.min));
                }
            }
            _ => {}
        }
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        let (Some(min), Some(key), Op::Get) = (sent.ask.min, sent.ask.key, sent.ask.op) else { return Ok(()) };
        if let Some(shown) = answer.shown.iter().find(|shown| shown.version.is_below(min)) {
            return Err(format!("{} showed {} of {key}, asked for {min} at least", answer.boot, shown.version));
        }
        if !matches!(answer.status, 200 | 404) && self.is_due(&sent) {
            let status = answer.status;
            return Err(format!("{} answers {status}, asked for {min} of {key}, which it can reach", answer.boot));
        }
        let since_ms = self.put_back.at_ms().filter(|_| self.put_back.is_fresh(sent.at_ms));
        let outlived = since_ms.is_some_and(|at_ms| sent.at_ms < at_ms + ABSENCE_LIFE_MS);
        if answer.status == 404
            && !outlived
            && self.commits.tombstone_from(key, min).is_none()
            && !self.commits.was_absent(key, sent.at_ms, record.at_ms)
        {
            return Err(format!("{} says that {key} is absent, asked for {min} at least", answer.boot));
        }
        Ok(())
    }
}

impl Checker for OwnWrites {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.commits.observe(record);
        self.put_back.observe(record);
        self.judge(record).map_err(|message| violated(NAME, record, message))
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{Forge, shows};
    use super::*;

    #[test]
    fn less_than_the_minimum_is_refused() {
        let history = Forge::default().commit(0, 1).commit(1, 2).ask(5, 6, Op::Get, Some(2), 200, shows(1));
        assert!(history.check(OwnWrites::default()).is_err());
    }

    #[test]
    fn an_old_absence_is_refused() {
        let history = Forge::default().delete(0, 1).commit(1, 2).ask(5, 6, Op::Get, Some(2), 404, vec![]);
        assert!(history.check(OwnWrites::default()).is_err());
    }

    #[test]
    fn a_minimum_that_is_there_and_is_not_reached_is_refused_where_nothing_is_broken() {
        let quiet = || Forge::default().commit(0, 1).commit(1, 2).phase(4, FINAL);
        assert!(quiet().ask(5, 6, Op::Get, Some(2), 503, vec![]).check(OwnWrites::default()).is_err());
        assert!(quiet().unanswered(5, Some(2)).check(OwnWrites::default()).is_err());
        assert_eq!(quiet().ask(5, 6, Op::Get, Some(3), 503, vec![]).check(OwnWrites::default()), Ok(()), "not there");
        let storm = quiet().phase(4, "storm").ask(5, 6, Op::Get, Some(2), 503, vec![]).unanswered(7, Some(2));
        assert_eq!(storm.check(OwnWrites::default()), Ok(()));
        let hurt = quiet().event(4, "harness", Event::Permanent { what: String::new(), hurt: Some(0) });
        assert_eq!(hurt.ask(5, 6, Op::Get, Some(2), 503, vec![]).check(OwnWrites::default()), Ok(()));
    }

    #[test]
    fn a_deletion_that_the_store_lost_is_no_excuse_once_all_have_heard_of_it() {
        let history = || Forge::default().commit(0, 1).delete(1, 2).commit(2, 3).put_back(10, 3).noticed(100);
        let absent = |at| history().ask(at, at + 1, Op::Get, Some(3), 404, vec![]).check(OwnWrites::default());
        assert_eq!(absent(5_000), Ok(()));
        assert!(absent(5_200).is_err());
    }

    #[test]
    fn the_minimum_and_an_honest_refusal_are_accepted() {
        let history = Forge::default().commit(0, 1).commit(1, 2).ask(5, 6, Op::Get, Some(2), 200, shows(2));
        let history = history.ask(7, 8, Op::Get, Some(3), 503, vec![]).delete(9, 3);
        let history = history.ask(10, 11, Op::Get, Some(4), 404, vec![]);
        assert_eq!(history.check(OwnWrites::default()), Ok(()));
    }
}
