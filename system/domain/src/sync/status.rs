//! What a sync tells operators.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coherence::{FencingToken, Incarnation, Timestamp};

use crate::ports::FeedPosition;

/// Where a sync stands. A value to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncStatus {
    /// Whether it holds the lease.
    pub is_leader: bool,
    /// The token of its present or last term.
    pub token: FencingToken,
    /// The incarnation of the last message.
    pub incarnation: Incarnation,
    /// The tracker's token, of the last message.
    pub tracker_token: FencingToken,
    /// The tracker's counter, of the last message.
    pub counter: u64,
    /// Everything in the feed up to here is in the stream.
    pub position: FeedPosition,
    /// When the feed was last read to its end, as the last beacon said.
    pub read_at: Option<Timestamp>,
    /// How long after its commit the last change was published, by the clocks of two machines.
    pub lag: Option<Duration>,
    /// Messages worked on, in all terms: changes, beacons, and those that were dropped.
    pub processed: u64,
    /// Changes published with their document.
    pub changes: u64,
    /// Changes published without it.
    pub pulls: u64,
    /// Beacons announced.
    pub beacons: u64,
    /// Stream epochs begun, since continuity could not be shown.
    pub epochs: u64,
    /// Messages parked.
    pub parked: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    /// Messages of trackers of earlier terms.
    pub refused: u64,
    /// Messages that were seen before.
    pub duplicates: u64,
    /// Rows whose version jumped between two changes, as Change Tracking makes them (ruling 4).
    pub jumps: u64,
    /// Calls that failed and were, or will be, tried again.
    pub errors: u64,
    /// How often it began a term.
    pub terms: u64,
    /// How often another sync of a later term was met.
    pub fenced: u64,
    /// How often it began a new incarnation, since a sync of a later life was here before.
    pub raised: u64,
    /// Terms that ended since nothing could be written.
    pub gave_way: u64,
}

/// A handle to a sync's status.
#[derive(Debug, Clone, Default)]
pub struct SyncStatusHandle(Arc<Mutex<SyncStatus>>);

impl SyncStatusHandle {
    /// Where it stands.
    pub fn read(&self) -> SyncStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut SyncStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
