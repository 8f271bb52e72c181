//! C1 `monotonic`: an instance never goes back on a key, whichever endpoint showed it.
//!
//! An answer counts for the requests that leave after it has arrived; what was on its way meanwhile may cross it. A start
//! of an instance is an instance of its own.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::checker::{Checker, Violation, violated};
use super::commits::Commits;
use super::requests::Requests;
use crate::log::{Op, Record, Ver};

const NAME: &str = "C1 monotonic";

/// What was shown last, over time: ordinal of the answer, highest version until then.
type Shownings = Vec<(u64, Ver)>;

/// The checker.
#[derive(Default)]
pub(super) struct Monotonic {
    requests: Requests,
    commits: Commits,
    shown: BTreeMap<(String, Uuid), Shownings>,
    /// By start: the incarnations that it showed, over time. A later life of the database empties all tiers.
    lives: BTreeMap<String, Vec<(u64, u64)>>,
}

impl Monotonic {
    fn floor(&self, boot: &str, key: Uuid, before: u64) -> Option<Ver> {
        let shown = self.shown.get(&(boot.to_owned(), key))?;
        shown.iter().rev().find(|(ordinal, _)| *ordinal < before).map(|(_, version)| *version)
    }

    fn raise(&mut self, boot: &str, key: Uuid, ordinal: u64, version: Ver) {
        let shown = self.shown.entry((boot.to_owned(), key)).or_default();
        if shown.last().is_none_or(|(_, last)| last.is_below(version)) {
            shown.push((ordinal, version));
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
        self.commits.observe(record);
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        for shown in &answer.shown {
            // Lists do not tell it.
            if shown.version.0 > 0 {
                let checked = self.check_life(&answer.boot, sent.ordinal, record.ordinal, shown.version.0);
                checked.map_err(|message| violated(NAME, record, message))?;
            }
            if let Some(floor) = self.floor(&answer.boot, shown.key, sent.ordinal)
                && shown.version.is_below(floor)
            {
                let message = format!("{} showed {} of {} after {floor}", answer.boot, shown.version, shown.key);
                return Err(violated(NAME, record, message));
            }
            self.raise(&answer.boot, shown.key, record.ordinal, shown.version);
        }
        if answer.status == 404
            && sent.ask.op == Op::Get
            && let Some(key) = sent.ask.key
            && let Some(floor) = self.floor(&answer.boot, key, sent.ordinal)
        {
            // An absence tells no version: there must be a deletion that it can stand for.
            let Some(tombstone) = self.commits.tombstone_from(key, floor) else {
                let message = format!("{} says that {key} is absent after it showed {floor}", answer.boot);
                return Err(violated(NAME, record, message));
            };
            self.raise(&answer.boot, key, record.ordinal, tombstone);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{Forge, shows};
    use super::*;

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
    fn forward_and_crossing_answers_are_accepted() {
        let history = Forge::default().commit(0, 1).commit(10, 2).get(15, 1);
        let history = history.get(20, 2).delete(25, 3).ask(30, 31, Op::Get, None, 404, vec![]);
        assert_eq!(history.check(Monotonic::default()), Ok(()));
    }
}
