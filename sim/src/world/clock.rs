//! The wall clock of one host, which the nemesis can step.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use coherence::WallClock;
use jiff::{SignedDuration, Timestamp};

use super::time::SimTime;

/// Simulated time plus this host's error.
#[derive(Debug, Clone)]
pub struct HostClock {
    time: Arc<SimTime>,
    offset_ms: Arc<AtomicI64>,
}

impl HostClock {
    /// A clock that is right.
    pub fn new(time: Arc<SimTime>) -> Self {
        Self { time, offset_ms: Arc::default() }
    }

    /// By how much it is wrong from now on.
    pub fn set_offset(&self, ms: i64) {
        self.offset_ms.store(ms, Ordering::Relaxed);
    }
}

impl WallClock for HostClock {
    fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed));
        self.time.wall().checked_add(offset).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
