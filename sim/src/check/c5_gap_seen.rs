//! C5 `gap_seen`: every message that is missing is noticed at the next message or beacon.
//!
//! The port writes down each delivery that does not follow the one before it. The instance must raise a sync error around
//! that moment: right after it, or just before, while an earlier gap of the same place is being repaired. An instance that
//! noticed something and was answered the stored head is as far as that head, since it compares all versions: what was
//! lost before it is no gap, however late the next message comes. The same holds for an instance that has just begun, until
//! it trusts its tiers. A patch that does not fit is no notice of a gap: it is what comes of one that nobody noticed.

use std::collections::BTreeMap;

use super::checker::{Checker, Violation, violated};
use crate::log::{Event, Record};

const NAME: &str = "C5 gap_seen";
/// A delivery is looked at before the next one is asked for; what is noticed is written down right after.
const AFTER_MS: u64 = 20;
/// Where clocks are beyond the bound, heads are refused until they are right again.
const AFTER_HEAD_MS: u64 = 2_500;
const BEFORE_MS: u64 = 2_500;
/// A host whose backends answer trusts its tiers within this time; its tracker looks at the head as well.
const BEGUN_MS: u64 = 5_000;

/// After these the instance is further than what it is handed, for a while.
const REPAIRS: [&str; 4] =
    ["sync_error_gap", "sync_error_epoch_changed", "sync_error_out_of_reach", "sync_error_connection_lost"];

const TRUST_REGAINED: &str = "trust_regained";

/// The checker.
pub(super) struct GapSeen {
    within_skew: bool,
    /// When an instance last raised a sync error.
    noticed: BTreeMap<String, u64>,
    /// The stored head an instance was answered last: when, of which stream, up to which message.
    looked: BTreeMap<String, (u64, u64, u64)>,
    /// How far an instance is by a head it was answered while it repaired: stream and message.
    reached: BTreeMap<String, (u64, u64)>,
    /// Who began, and has not trusted its tiers yet, since when: it adopts the heads that it is answered.
    begun: BTreeMap<String, u64>,
    /// The jumps that nobody noticed yet: until when somebody must.
    open: BTreeMap<String, (u64, String)>,
}

impl GapSeen {
    pub(super) fn new(within_skew: bool) -> Self {
        let (noticed, looked, reached, begun, open) = Default::default();
        Self { within_skew, noticed, looked, reached, begun, open }
    }

    fn begins(&self, host: &str, at_ms: u64) -> bool {
        self.begun.get(host).is_some_and(|since| since + BEGUN_MS >= at_ms)
    }

    fn is_repairing(&self, host: &str, at_ms: u64) -> bool {
        self.noticed.get(host).is_some_and(|last| last + BEFORE_MS >= at_ms)
    }
}

impl Checker for GapSeen {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        match &record.event {
            Event::Jumped { epoch, after, to, head } => {
                let next = to.saturating_sub(u64::from(!head));
                let is_past = self
                    .reached
                    .get(&record.host)
                    .is_some_and(|reached| *reached >= (*epoch, next) && reached.0 == *epoch);
                if !is_past && !self.is_repairing(&record.host, record.at_ms) {
                    let after_ms = if *head && !self.within_skew { AFTER_HEAD_MS } else { AFTER_MS };
                    let what = format!("{} got {to} after {after}", record.host);
                    self.open.entry(record.host.clone()).or_insert((record.at_ms + after_ms, what));
                }
            }
            Event::Noticed { what } if REPAIRS.contains(&what.as_str()) => {
                self.noticed.insert(record.host.clone(), record.at_ms);
                self.open.remove(&record.host);
                let looked = self.looked.get(&record.host).filter(|(at_ms, ..)| at_ms + AFTER_MS >= record.at_ms);
                if let Some((_, epoch, sequence)) = looked {
                    self.reached.insert(record.host.clone(), (*epoch, *sequence));
                }
            }
            Event::Looked { epoch, sequence } => {
                self.looked.insert(record.host.clone(), (record.at_ms, *epoch, *sequence));
                if self.begins(&record.host, record.at_ms) || self.is_repairing(&record.host, record.at_ms) {
                    self.reached.insert(record.host.clone(), (*epoch, *sequence));
                }
            }
            Event::Noticed { what } if what == TRUST_REGAINED => drop(self.begun.remove(&record.host)),
            Event::Down | Event::Up => {
                self.begun.insert(record.host.clone(), record.at_ms);
                self.open.remove(&record.host);
                self.reached.remove(&record.host);
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
        Forge::default().event(100, "i0", Event::Jumped { epoch: 7, after: 3, to: 5, head: false })
    }

    /// Something else is repaired with a head up to `sequence`, and a message is jumped to long after.
    fn repaired_up_to(sequence: u64, epoch: u64) -> Forge {
        let noticed = Event::Noticed { what: "sync_error_epoch_changed".to_owned() };
        let looked = Event::Looked { epoch: 7, sequence };
        let jumped = Event::Jumped { epoch, after: 3, to: 12, head: false };
        Forge::default().event(100, "i0", looked).event(101, "i0", noticed).event(4_000, "i0", jumped).commit(5_000, 1)
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
    fn a_gap_after_the_head_that_a_repair_adopted_is_refused() {
        assert!(repaired_up_to(10, 7).check(GapSeen::new(true)).is_err());
        assert!(repaired_up_to(11, 8).check(GapSeen::new(true)).is_err(), "of another stream");
        let looked = Forge::default().event(100, "i0", Event::Looked { epoch: 7, sequence: 11 });
        let jumped = Event::Jumped { epoch: 7, after: 3, to: 12, head: false };
        let only_looked = looked.event(4_000, "i0", jumped).commit(5_000, 1);
        assert!(only_looked.check(GapSeen::new(true)).is_err(), "a look repairs nothing");
    }

    #[test]
    fn what_was_lost_before_the_head_that_a_repair_adopted_is_no_gap() {
        assert_eq!(repaired_up_to(11, 7).check(GapSeen::new(true)), Ok(()));
    }

    #[test]
    fn who_begins_is_as_far_as_the_head_that_it_is_answered_until_it_trusts_its_tiers() {
        let looked = || Event::Looked { epoch: 7, sequence: 11 };
        let jumped = || Event::Jumped { epoch: 7, after: 3, to: 12, head: false };
        let up = || Forge::default().event(50, "i0", Event::Up);
        let begun = up().event(100, "i0", looked()).event(110, "i0", jumped()).commit(5_000, 1);
        assert_eq!(begun.check(GapSeen::new(true)), Ok(()));
        let trusted = up().event(90, "i0", Event::Noticed { what: TRUST_REGAINED.to_owned() });
        let trusted = trusted.event(100, "i0", looked()).event(110, "i0", jumped()).commit(5_000, 1);
        assert!(trusted.check(GapSeen::new(true)).is_err());
    }

    #[test]
    fn beyond_the_skew_a_head_may_be_refused_for_a_while_and_a_message_may_not() {
        let late = |head, after_ms: u64| {
            let jumped = Event::Jumped { epoch: 7, after: 3, to: 5, head };
            let noticed = Event::Noticed { what: "sync_error_gap".to_owned() };
            // Something happens all the time.
            let forge = Forge::default().event(100, "i0", jumped).commit(200, 1);
            let forge = (200..100 + after_ms).step_by(100).fold(forge, |forge, at_ms| forge.commit(at_ms, 1));
            forge.event(100 + after_ms, "i0", noticed).commit(5_000, 1).check(GapSeen::new(false))
        };
        assert_eq!(late(true, 2_400), Ok(()));
        assert!(late(true, 2_700).is_err());
        assert!(late(false, 2_400).is_err());
    }

    #[test]
    fn a_gap_that_is_noticed_is_accepted() {
        let history = jumped().event(101, "i0", Event::Noticed { what: "sync_error_gap".to_owned() });
        assert_eq!(history.commit(5_000, 1).check(GapSeen::new(true)), Ok(()));
    }
}
