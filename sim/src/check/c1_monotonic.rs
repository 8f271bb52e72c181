//! C1 `monotonic`: an instance never goes back on a key, whichever endpoint showed it.
//!
//! An answer counts for the requests that leave after it has arrived; what was on its way meanwhile may cross it. A start
//! of an instance is an instance of its own.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::checker::{Checker, Violation, violated};
use super::commits::Commits;
use super::put_back::PutBack;
use super::requests::{Requests, Sent};
use crate::log::{Op, Record, Ver};

const NAME: &str = "C1 monotonic";

/// A store that was put back, and nobody noticed, is held off by floors, which live so long.
const FLOOR_LIFE_MS: u64 = 15_000;

/// What was shown last, over time: ordinal and time of the answer, highest version until then.
type Shownings = Vec<(u64, u64, Ver)>;

/// The checker.
#[derive(Default)]
pub(super) struct Monotonic {
    requests: Requests,
    commits: Commits,
    shown: BTreeMap<(String, Uuid), Shownings>,
    /// By start: the incarnations that it showed, over time. A later life of the database empties all tiers.
    lives: BTreeMap<String, Vec<(u64, u64)>>,
    put_back: PutBack,
}

impl Monotonic {
    fn floor(&self, boot: &str, key: Uuid, sent: &Sent) -> Option<Ver> {
        let shown = self.shown.get(&(boot.to_owned(), key))?;
        let (_, at_ms, version) = shown.iter().rev().find(|(ordinal, ..)| *ordinal < sent.ordinal)?;
        // Once all have heard of it, everything shown is of a later life, or marked.
        let outlived = self.put_back.is_fresh(sent.at_ms) && self.put_back.at_ms().is_some_and(|then| then > *at_ms);
        // A list does not tell the life, and numbers come again.
        let counts = version.0 > 0 && sent.at_ms < at_ms + FLOOR_LIFE_MS;
        (!outlived || counts).then_some(*version)
    }

    fn raise(&mut self, boot: &str, key: Uuid, record: &Record, version: Ver) {
        let shown = self.shown.entry((boot.to_owned(), key)).or_default();
        if shown.last().is_none_or(|(_, _, last)| !version.is_below(*last)) {
            shown.push((record.ordinal, record.at_ms, version));
        }
    }
}

impl Monotonic {
    /// Whether a start shows a life of the database before one that it has shown, of whatever key.
    fn check_life(&mut self, boot: &str, sent: u64, ordinal: u64, life: u64) -> Result<(), String> {
        let lives = self.lives.entry(boot.to_owned()).or_default();
        if let Some((_, known)) = lives.iter().rev().find(|(at, _)| *at < sent)
            && life < *known
        {
            return Err(format!("{boot} shows incarnation {life} after {known}"));
        }
        if lives.last().is_none_or(|(_, last)| *last < life) {
            lives.push((ordinal, life));
        }
        Ok(())
    }
}

impl Checker for Monotonic {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.put_back.observe(record);
        self.commits.observe(record);
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        for shown in &answer.shown {
            // Lists do not tell it; the store may be put back to an earlier life, until somebody notices.
            if shown.version.0 > 0 && !self.put_back.is_fresh(sent.at_ms) {
                let checked = self.check_life(&answer.boot, sent.ordinal, record.ordinal, shown.version.0);
                checked.map_err(|message| violated(NAME, record, message))?;
            }
            if let Some(floor) = self.floor(&answer.boot, shown.key, &sent)
                // A list does not tell the life, and numbers come again when the store was put back.
                && let floor = self.commits.in_its_first_life(shown.key, floor)
                && shown.version.is_below(floor)
                && !(shown.version.0 == 0 && self.commits.is_put_back_to(shown, 0))
            {
                let message = format!("{} showed {} of {} after {floor}", answer.boot, shown.version, shown.key);
                return Err(violated(NAME, record, message));
            }
            self.raise(&answer.boot, shown.key, record, shown.version);
        }
        if answer.status == 404
            && sent.ask.op == Op::Get
            && let Some(key) = sent.ask.key
            && let Some(floor) = self.floor(&answer.boot, key, &sent)
            // What was deleted in an earlier life is told again in the later one.
            && let floor = if self.put_back.at_ms().is_some() { Ver(0, floor.1) } else { floor }
        {
            // An absence tells no version: there must be a deletion that it can stand for.
            let Some(tombstone) = self.commits.tombstone_from(key, floor) else {
                let message = format!("{} says that {key} is absent after it showed {floor}", answer.boot);
                return Err(violated(NAME, record, message));
            };
            self.raise(&answer.boot, key, record, tombstone);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{Forge, shows};
    use super::*;
    use crate::log::Shown;

    #[test]
    fn going_back_is_refused() {
        let history = Forge::default().commit(0, 1).commit(10, 2).get(20, 2).get(30, 1);
        assert!(history.check(Monotonic::default()).is_err());
    }

    #[test]
    fn an_absence_before_a_deletion_is_refused() {
        let history = Forge::default().commit(0, 1).get(20, 1).ask(30, 31, Op::Get, None, 404, vec![]);
        assert!(history.check(Monotonic::default()).is_err());
    }

    #[test]
    fn a_list_counts_as_any_other_answer() {
        let history = Forge::default().commit(0, 1).commit(1, 2);
        let history = history.get(20, 2).ask(30, 31, Op::List(None), None, 200, shows(1));
        assert!(history.check(Monotonic::default()).is_err());
    }

    #[test]
    fn an_earlier_life_is_refused_whatever_the_key() {
        let of = |key: u128, life: u64| {
            vec![crate::log::Shown { key: Uuid::from_u128(key), version: Ver(life, 1), digest: None }]
        };
        let history = Forge::default().ask(0, 1, Op::Get, None, 200, of(1, 2));
        assert!(history.ask(2, 3, Op::Get, None, 200, of(2, 1)).check(Monotonic::default()).is_err());
    }

    #[test]
    fn what_a_backup_brought_back_is_accepted_in_a_list_and_refused_in_the_old_life() {
        let history = || Forge::default().commit(0, 1).commit(10, 2).get(20, 2).put_back(30, 1);
        let list = vec![Shown { version: Ver(0, 1), ..shows(1)[0].clone() }];
        assert_eq!(history().ask(40, 41, Op::List(None), None, 200, list).check(Monotonic::default()), Ok(()));
        assert!(history().get(40, 1).check(Monotonic::default()).is_err());
        let nothing = Forge::default().commit(0, 1).get(20, 1).put_back(30, 0);
        assert_eq!(nothing.ask(40, 41, Op::Get, None, 404, vec![]).check(Monotonic::default()), Ok(()));
    }

    #[test]
    fn an_earlier_life_is_refused_again_once_all_have_heard_of_the_new_one() {
        let life = |forge: Forge, at_ms, life: u64| {
            let shown = vec![Shown { key: Uuid::from_u128(u128::from(life)), version: Ver(life, 1), digest: None }];
            forge.ask(at_ms, at_ms, Op::Get, None, 200, shown)
        };
        let back_and_forth = |begun: Forge, at_ms| life(life(begun, at_ms, 3), at_ms + 1, 2);
        let history = || Forge::default().commit(0, 1).put_back(30, 1);
        assert_eq!(back_and_forth(history(), 60_000).check(Monotonic::default()), Ok(()), "nobody noticed");
        assert_eq!(back_and_forth(history().noticed(55_001), 60_000).check(Monotonic::default()), Ok(()));
        assert!(back_and_forth(history().noticed(54_999), 60_000).check(Monotonic::default()).is_err());
    }

    #[test]
    fn what_was_shown_before_the_store_was_put_back_counts_again_in_the_end() {
        let history =
            |noticed_ms| Forge::default().commit(0, 1).commit(10, 2).get(20, 2).put_back(30, 1).noticed(noticed_ms);
        assert_eq!(history(17_000).get(20_000, 1).check(Monotonic::default()), Ok(()), "its floor is gone");
        assert!(history(14_000).get(20_000, 1).check(Monotonic::default()).is_err(), "an old life");
    }

    #[test]
    fn forward_and_crossing_answers_are_accepted() {
        let history = Forge::default().commit(0, 1).commit(10, 2).get(15, 1);
        let history = history.get(20, 2).delete(25, 3).ask(30, 31, Op::Get, None, 404, vec![]);
        assert_eq!(history.check(Monotonic::default()), Ok(()));
    }
}
