//! What a tracker tells operators.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coherence::{FencingToken, Incarnation, Timestamp};

use crate::ports::FeedPosition;

/// Where a tracker stands. A value to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackerStatus {
    /// Whether it holds the lease.
    pub is_leader: bool,
    /// The token of its present or last term.
    pub token: FencingToken,
    /// The incarnation of that term.
    pub incarnation: Incarnation,
    /// Everything in the feed up to here is confirmed by the bus.
    pub cursor: FeedPosition,
    /// The counter of its last message in that term.
    pub counter: u64,
    /// When the feed was last read to its end, as the last beacon said.
    pub read_at: Option<Timestamp>,
    /// How many commits the feed's end is ahead of what was read, at most; `None`: not known.
    pub backlog: Option<u64>,
    /// Changes told, in all terms.
    pub changes: u64,
    /// Beacons sent, in all terms.
    pub beacons: u64,
    /// How often it waited for changes.
    pub waits: u64,
    /// Its last wait.
    pub wait: Duration,
    /// Calls of the feed, the bus or the store that failed.
    pub errors: u64,
    /// Places where continuity was lost: pruned or unreadable changes were passed over.
    pub holes: u64,
    /// Unreadable changes that were passed over.
    pub skipped: u64,
    /// How often it began a term.
    pub terms: u64,
    /// Incarnations that it began since the database was put back.
    pub raised: u64,
}

/// A handle to a tracker's status.
#[derive(Debug, Clone, Default)]
pub struct TrackerStatusHandle(Arc<Mutex<TrackerStatus>>);

impl TrackerStatusHandle {
    /// Where it stands.
    pub fn read(&self) -> TrackerStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut TrackerStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
