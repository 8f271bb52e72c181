//! The store's change feed: every change of a row, whoever made it, in commit order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::{Timestamp, Version};

use crate::model::{Forecast, ForecastId, Placement};

/// A position in the feed: the feed's own counter (capture id, Change Tracking version, log sequence number), never a
/// row's version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition(pub u128);

impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// It came into being.
    Insert,
    /// It was changed.
    Update,
    /// It was deleted; the version is the tombstone's.
    Delete,
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where it stands in the feed.
    pub position: FeedPosition,
    /// What happened.
    pub operation: Operation,
    /// The row.
    pub id: ForecastId,
    /// Its version afterwards.
    pub version: Version,
    /// The row afterwards; `None` for a delete.
    pub after: Option<Forecast>,
    /// Where the row was filed before, if the feed knows.
    pub before: Option<Placement>,
    /// When, by the store's clock, if the feed knows.
    pub committed_at: Option<Timestamp>,
    /// The trace that the write belongs to; `None` for a write made behind the system's back.
    pub traceparent: Option<String>,
}

/// What one read of the feed returned.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedBatch {
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// Read on from here.
    pub position: FeedPosition,
    /// Whether the feed had no more when it was read.
    pub at_end: bool,
    /// How long before the read the feed was up to date: all that was committed earlier is in it. Zero, for a feed that
    /// tells a change as soon as it is committed.
    pub behind: Duration,
}

/// Why the feed could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FeedError {
    /// Changes after the given position were pruned already: continuity is lost.
    #[error("the feed starts at {minimum} now; changes before were pruned")]
    BehindMinimum {
        /// The oldest position that can be read from.
        minimum: FeedPosition,
    },
    /// No connection, or it broke.
    #[error("the change feed cannot be reached")]
    Unavailable(#[source] Option<Arc<dyn std::error::Error + Send + Sync>>),
    /// The deadline passed.
    #[error("the change feed did not answer in time")]
    Timeout,
    /// A change cannot be read.
    #[error("the change at {position} is unreadable: {reason}")]
    Corrupt {
        /// Which.
        position: FeedPosition,
        /// Why.
        reason: String,
    },
}

impl FeedError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout => true,
            Self::BehindMinimum { .. } | Self::Corrupt { .. } => false,
        }
    }
}

/// The store's change feed.
#[async_trait]
pub trait ChangeFeed: Send + Sync + 'static {
    /// The changes after `after`, at most `limit`. Cheap where there are none: it is called every few milliseconds.
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError>;

    /// The feed's end now: the position of the last change.
    async fn end(&self) -> Result<FeedPosition, FeedError>;

    /// How many commits lie between two positions, at most; `None` where positions do not tell. For operators only.
    fn distance(&self, from: FeedPosition, to: FeedPosition) -> Option<u64> {
        u64::try_from(to.0.checked_sub(from.0)?).ok()
    }
}
