//! What a follower tells operators.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::stream::Head;
use crate::version::{Sequence, StreamEpoch};

/// Where a follower stands. A value to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowerStatus {
    /// Whether the backplane delivers.
    pub connected: bool,
    /// Whether the local tiers are trusted.
    pub trusted: bool,
    /// The epoch that is followed; `None` before the first head.
    pub epoch: Option<StreamEpoch>,
    /// All messages up to here are applied.
    pub applied: Sequence,
    /// The last head received or read.
    pub head: Option<Head>,
    /// When it was received.
    pub head_received_at: Option<Timestamp>,
    /// Whether all versions are being compared now.
    pub resyncing: bool,
    /// When the local tiers were last lost and not regained since.
    pub suspect_since: Option<Timestamp>,
}

/// Shared by a follower and whoever asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatusCell(Arc<Mutex<FollowerStatus>>);

impl StatusCell {
    pub(crate) fn read(&self) -> FollowerStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut FollowerStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
