//! How many attempts run at a time. Quick ones and slow ones are counted apart, so that what hangs takes no place from
//! what does not.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::PushConfig;

/// Names a running attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    since: Instant,
    number: u64,
}

/// The attempts that run.
#[derive(Debug, Default)]
pub(super) struct Slots {
    quick: BTreeSet<Slot>,
    slow: BTreeSet<Slot>,
    last: u64,
}

impl Slots {
    /// A place for an attempt that begins now, if there is one.
    pub(super) fn take(&mut self, now: Instant, config: &PushConfig) -> Option<Slot> {
        self.settle(now, config);
        if self.quick.len() >= config.concurrency {
            return None;
        }
        self.last += 1;
        let slot = Slot { since: now, number: self.last };
        self.quick.insert(slot);
        Some(slot)
    }

    /// The attempt ended.
    pub(super) fn give_back(&mut self, slot: Slot) {
        if !self.quick.remove(&slot) {
            self.slow.remove(&slot);
        }
    }

    /// When the next quick one turns out to be slow, if that makes a place that is wanted.
    pub(super) fn next(&self, config: &PushConfig) -> Option<Instant> {
        let is_full = self.quick.len() >= config.concurrency;
        let oldest = self.quick.first().filter(|_| is_full && self.slow.len() < config.slow_max)?;
        Some(oldest.since + config.slow_after)
    }

    pub(super) fn running(&self) -> usize {
        self.quick.len() + self.slow.len()
    }

    fn settle(&mut self, now: Instant, config: &PushConfig) {
        while let Some(oldest) = self.quick.first().copied() {
            if oldest.since + config.slow_after > now || self.slow.len() >= config.slow_max {
                break;
            }
            self.quick.remove(&oldest);
            self.slow.insert(oldest);
        }
    }
}
