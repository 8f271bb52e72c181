//! Where events are parked that could not be worked on: they stand in nobody's way there, and an operator can look at them.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use coherence::Timestamp;
use uuid::Uuid;

use super::{Outgoing, StoreError, Topic};
use crate::model::ForecastId;

/// How many events are kept; beyond, the oldest goes.
pub const PARKED_MAX: usize = 10_000;

/// Names a parked event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParkedId(pub Uuid);

impl fmt::Display for ParkedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for ParkedId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// An event that was given up after bounded retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Names it here. Made from what names the event itself, so that parking it twice is parking it once.
    pub id: ParkedId,
    /// The topic that it came over.
    pub topic: Topic,
    /// The event as it came.
    pub message: Outgoing,
    /// The forecast that it speaks of, if that could be read.
    pub entity: Option<ForecastId>,
    /// Why it could not be worked on.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    pub parked_at: Timestamp,
}

/// The parked events.
#[async_trait]
pub trait Parking: Send + Sync + 'static {
    /// Keeps `event`, durably. One of the same id stays as it is. Beyond [`PARKED_MAX`] the one that was parked first goes;
    /// the adapter logs it.
    ///
    /// # Errors
    /// The store's; the event may have been parked nevertheless.
    async fn park(&self, event: ParkedEvent) -> Result<(), StoreError>;

    /// The events, the last one parked first, at most `limit`.
    ///
    /// # Errors
    /// The store's.
    async fn parked(&self, limit: u32) -> Result<Vec<ParkedEvent>, StoreError>;

    /// One event; `None` if it is not there.
    ///
    /// # Errors
    /// The store's.
    async fn get(&self, id: ParkedId) -> Result<Option<ParkedEvent>, StoreError>;

    /// Forgets the event; `false` if it was not there.
    ///
    /// # Errors
    /// The store's; the event may be gone nevertheless.
    async fn discard(&self, id: ParkedId) -> Result<bool, StoreError>;
}
