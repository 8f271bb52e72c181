//! C5 `gap_seen`: every message that is missing is noticed at the next message or beacon.
//!
//! The port writes down each delivery that does not follow the one before it. The instance must raise a sync error around
//! that moment: right after it, or just before, while an earlier gap of the same place is being repaired. A patch that does
//! not fit is no notice of a gap: it is what comes of one that nobody noticed.

use std::collections::BTreeMap;

use super::checker::{Checker, Violation, violated};
use crate::log::{Event, Record};

const NAME: &str = "C5 gap_seen";
/// A follower that works on a repair looks at the next delivery when it is done.
const AFTER_MS: u64 = 2_500;
const BEFORE_MS: u64 = 2_500;

/// What begins a repair.
const REPAIRS: [&str; 3] = ["sync_error_gap", "sync_error_epoch_changed", "sync_error_out_of_reach"];

/// The checker.
#[derive(Default)]
pub(super) struct GapSeen {
    /// When an instance last raised a sync error.
    noticed: BTreeMap<String, u64>,
    /// The jumps that nobody noticed yet.
    open: BTreeMap<String, (u64, String)>,
}

impl Checker for GapSeen {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        match &record.event {
            Event::Jumped { after, to } => {
                let last = self.noticed.get(&record.host).copied();
                if last.is_none_or(|last| last + BEFORE_MS < record.at_ms) {
                    let what = format!("{} got {to} after {after}", record.host);
                    self.open.entry(record.host.clone()).or_insert((record.at_ms, what));
                }
            }
            Event::Noticed { what } if REPAIRS.contains(&what.as_str()) => {
                self.noticed.insert(record.host.clone(), record.at_ms);
                self.open.remove(&record.host);
            }
            Event::Noticed { what } if what == "sync_error_connection_lost" => {
                self.open.remove(&record.host);
            }
            Event::Down | Event::Up => {
                self.open.remove(&record.host);
            }
            _ => {}
        }
        let late = self.open.values().find(|(at_ms, _)| at_ms + AFTER_MS < record.at_ms);
        match late {
            Some((_, what)) => Err(violated(NAME, record, format!("{what}, and nobody noticed"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::Forge;
    use super::*;

    fn jumped() -> Forge {
        Forge::default().event(100, "i0", Event::Jumped { after: 3, to: 5 })
    }

    #[test]
    fn a_gap_that_nobody_notices_is_refused() {
        assert!(jumped().commit(5_000, 1).check(GapSeen::default()).is_err());
    }

    #[test]
    fn a_gap_that_another_instance_notices_is_refused() {
        let what = || "sync_error_gap".to_owned();
        let history = jumped().event(101, "i1", Event::Noticed { what: what() }).commit(5_000, 1);
        assert!(history.check(GapSeen::default()).is_err());
    }

    #[test]
    fn a_gap_that_is_noticed_is_accepted() {
        let history = jumped().event(101, "i0", Event::Noticed { what: "sync_error_gap".to_owned() });
        assert_eq!(history.commit(5_000, 1).check(GapSeen::default()), Ok(()));
    }
}
