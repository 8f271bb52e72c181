//! C4 `own_writes`: with `X-Min-Version: n` any instance answers at least n, or says 503. An absence satisfies any n if
//! the row is absent in the store, else it must be that of a deletion at or above n.

use super::checker::{Checker, Violation, violated};
use super::commits::Commits;
use super::requests::Requests;
use crate::log::{Event, Op, Record};

const NAME: &str = "C4 own_writes";

/// The checker.
#[derive(Default)]
pub(super) struct OwnWrites {
    requests: Requests,
    commits: Commits,
    /// When the store was last put back.
    put_back: Option<u64>,
}

/// For so long an instance may hold a deletion that the store has lost, if nobody noticed.
const ABSENCE_LIFE_MS: u64 = 15_000;

impl Checker for OwnWrites {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.commits.observe(record);
        if matches!(record.event, Event::PutBack { .. }) {
            self.put_back = Some(record.at_ms);
        }
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        let (Some(min), Some(key), Op::Get) = (sent.ask.min, sent.ask.key, sent.ask.op) else { return Ok(()) };
        if let Some(shown) = answer.shown.iter().find(|shown| shown.version.is_below(min)) {
            let message = format!("{} showed {} of {key}, asked for {min} at least", answer.boot, shown.version);
            return Err(violated(NAME, record, message));
        }
        let outlived = self.put_back.is_some_and(|at_ms| sent.at_ms < at_ms + ABSENCE_LIFE_MS);
        if answer.status == 404
            && !outlived
            && self.commits.tombstone_from(key, min).is_none()
            && !self.commits.was_absent(key, sent.at_ms, record.at_ms)
        {
            let message = format!("{} says that {key} is absent, asked for {min} at least", answer.boot);
            return Err(violated(NAME, record, message));
        }
        Ok(())
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
    fn the_minimum_and_an_honest_refusal_are_accepted() {
        let history = Forge::default().commit(0, 1).commit(1, 2).ask(5, 6, Op::Get, Some(2), 200, shows(2));
        let history = history.ask(7, 8, Op::Get, Some(3), 503, vec![]).delete(9, 3);
        let history = history.ask(10, 11, Op::Get, Some(4), 404, vec![]);
        assert_eq!(history.check(OwnWrites::default()), Ok(()));
    }
}
