//! C5 `gap_seen`: every message that is missing is noticed at the next message or beacon.
//!
//! The port writes down each delivery that does not follow the one before it. The instance must raise a sync error around
//! that moment: right after it, or just before, while an earlier gap of the same place is being repaired. A patch that does
//! not fit is no notice of a gap: it is what comes of one that nobody noticed.

use std::collections::BTreeMap;

use super::checker::{Checker, Violation, violated};
use crate::log::{Event, Record};

const NAME: &str = "C5 gap_seen";
/// A delivery is looked at before the next one is asked for; what is noticed is written down right after.
const AFTER_MS: u64 = 20;
/// Where clocks are beyond the bound, heads are refused until they are right again.
const AFTER_HEAD_MS: u64 = 2_500;
const BEFORE_MS: u64 = 2_500;

/// After these the instance is further than what it is handed, for a while.
const REPAIRS: [&str; 4] =
    ["sync_error_gap", "sync_error_epoch_changed", "sync_error_out_of_reach", "sync_error_connection_lost"];

/// The checker.
pub(super) struct GapSeen {
    within_skew: bool,
    /// When an instance last raised a sync error.
    noticed: BTreeMap<String, u64>,
    /// The jumps that nobody noticed yet: until when somebody must.
    open: BTreeMap<String, (u64, String)>,
}

impl GapSeen {
    pub(super) fn new(within_skew: bool) -> Self {
        Self { within_skew, noticed: BTreeMap::new(), open: BTreeMap::new() }
    }
}

impl Checker for GapSeen {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        match &record.event {
            Event::Jumped { after, to, head } => {
                let last = self.noticed.get(&record.host).copied();
                if last.is_none_or(|last| last + BEFORE_MS < record.at_ms) {
                    let after_ms = if *head && !self.within_skew { AFTER_HEAD_MS } else { AFTER_MS };
                    let what = format!("{} got {to} after {after}", record.host);
                    self.open.entry(record.host.clone()).or_insert((record.at_ms + after_ms, what));
                }
            }
            Event::Noticed { what } if REPAIRS.contains(&what.as_str()) => {
                self.noticed.insert(record.host.clone(), record.at_ms);
                self.open.remove(&record.host);
            }
            Event::Down | Event::Up => {
                self.open.remove(&record.host);
            }
            _ => {}
        }
        let late = self.open.values().find(|(until_ms, _)| *until_ms < record.at_ms);
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
        Forge::default().event(100, "i0", Event::Jumped { after: 3, to: 5, head: false })
    }

    #[test]
    fn a_gap_that_nobody_notices_is_refused() {
        assert!(jumped().commit(5_000, 1).check(GapSeen::new(true)).is_err());
    }

    #[test]
    fn a_gap_that_another_instance_notices_is_refused() {
        let what = || "sync_error_gap".to_owned();
        let history = jumped().event(101, "i1", Event::Noticed { what: what() }).commit(5_000, 1);
        assert!(history.check(GapSeen::new(true)).is_err());
    }

    #[test]
    fn a_gap_that_is_noticed_is_accepted() {
        let history = jumped().event(101, "i0", Event::Noticed { what: "sync_error_gap".to_owned() });
        assert_eq!(history.commit(5_000, 1).check(GapSeen::new(true)), Ok(()));
    }
}
