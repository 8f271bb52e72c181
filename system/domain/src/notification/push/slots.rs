//! How many attempts run at a time. Quick ones and slow ones are counted apart, so that what hangs takes no place from
//! what does not.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::PushConfig;
use super::lane::Lanes;
use crate::ports::PushOrigin;

/// Names a running attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    since: Instant,
    number: u64,
}

/// In whose place an attempt ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// A quick one's.
    Quick,
    /// A slow one's.
    Slow,
}

/// The attempts that run.
#[derive(Debug, Default)]
pub(super) struct Slots {
    quick: BTreeMap<Slot, PushOrigin>,
    /// Not quick, and in the places of quick ones, for there is no place for more slow ones.
    stuck: BTreeMap<Slot, PushOrigin>,
    slow: BTreeSet<Slot>,
    /// Whether a slow one ended since the stuck ones were looked at.
    freed: bool,
    last: u64,
}

impl Slots {
    /// Whether one more attempt may begin.
    pub(super) fn has_room(&self, config: &PushConfig) -> bool {
        self.quick.len() + self.stuck.len() < config.concurrency
    }

    /// The place of an attempt that begins now.
    pub(super) fn take(&mut self, now: Instant, origin: PushOrigin) -> Slot {
        self.last += 1;
        let slot = Slot { since: now, number: self.last };
        self.quick.insert(slot, origin);
        slot
    }

    /// The attempt ended.
    pub(super) fn give_back(&mut self, slot: Slot) -> Pace {
        if self.slow.remove(&slot) {
            self.freed = true;
            return Pace::Slow;
        }
        if self.quick.remove(&slot).is_none() {
            self.stuck.remove(&slot);
        }
        Pace::Quick
    }

    /// When the next quick one turns out to be slow. That may make a place.
    pub(super) fn next(&self, config: &PushConfig) -> Option<Instant> {
        self.quick.first_key_value().map(|(slot, _)| slot.since + config.slow_after)
    }

    pub(super) fn running(&self) -> usize {
        self.quick.len() + self.stuck.len() + self.slow.len()
    }

    /// Those that are not quick give back the places of quick ones, here and in their lanes, as far as more slow ones may
    /// run.
    pub(super) fn settle(&mut self, now: Instant, lanes: &mut Lanes, config: &PushConfig) {
        if std::mem::take(&mut self.freed) {
            for (slot, origin) in std::mem::take(&mut self.stuck) {
                self.turn_slow(slot, origin, lanes, config);
            }
        }
        while let Some(oldest) = self.quick.first_entry() {
            if oldest.key().since + config.slow_after > now {
                break;
            }
            let (slot, origin) = oldest.remove_entry();
            self.turn_slow(slot, origin, lanes, config);
        }
    }

    fn turn_slow(&mut self, slot: Slot, origin: PushOrigin, lanes: &mut Lanes, config: &PushConfig) {
        if self.slow.len() < config.slow_max && lanes.turns_slow(&origin, config) {
            self.slow.insert(slot);
        } else {
            self.stuck.insert(slot, origin);
        }
    }
}
