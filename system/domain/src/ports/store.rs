//! L4, the truth: the store of forecasts.
//!
//! A method is a whole transaction with plain arguments, never a begin/commit handle: only so can the simulation put the
//! store on another host and fault each step.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use coherence::{Incarnation, Timestamp, Version, VersionId};

use super::{Outgoing, Topic};
use crate::model::{CompanyId, Forecast, ForecastId, NaturalKey, Scope, Status, UnitId, UserId};

/// How many ids [`Store::versions`] takes at a time.
pub const VERSIONS_MAX: usize = 1_000;

/// What the store holds under an id.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// The row, read in one snapshot with the incarnation.
    Found {
        /// The row.
        forecast: Forecast,
        /// The database's incarnation.
        incarnation: Incarnation,
    },
    /// No row; the version is its tombstone's, or `(incarnation, 0)` if there never was one.
    Absent {
        /// The tombstone's version.
        version: Version,
    },
}

impl Lookup {
    /// The version of what was found.
    pub fn version(&self) -> Version {
        match self {
            Self::Found { forecast, incarnation } => Version { incarnation: *incarnation, id: forecast.version_id },
            Self::Absent { version } => *version,
        }
    }
}

/// Where a page of a list starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// After this many items.
    Skip(u32),
    /// After this item, in the list's order.
    After(ListCursor),
}

/// A place in the list's order: the last item shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListCursor {
    /// The item's date.
    pub forecast_date: Timestamp,
    /// The item's id, which breaks ties.
    pub id: ForecastId,
}

/// Which forecasts, and which page of them. Order: `forecastDate` descending, then `id` ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Only these companies.
    pub scope: Scope,
    /// Only this company.
    pub company_id: Option<CompanyId>,
    /// Only this unit.
    pub production_unit_id: Option<UnitId>,
    /// Only `forecastDate >= from`.
    pub from: Option<Timestamp>,
    /// Only `forecastDate < to`.
    pub to: Option<Timestamp>,
    /// Only this status.
    pub status: Option<Status>,
    /// Where the page starts.
    pub start: PageStart,
    /// At most this many items.
    pub take: u32,
}

/// One page, read in one snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPage {
    /// How many forecasts match, on all pages.
    pub total: u64,
    /// The page's items.
    pub items: Vec<Forecast>,
    /// Whether items follow this page.
    pub more: bool,
    /// The database's incarnation.
    pub incarnation: Incarnation,
}

/// One row of a [`WriteSet`].
#[derive(Debug, Clone, PartialEq)]
pub struct RowWrite {
    /// The row.
    pub id: ForecastId,
    /// The version that the row (or its tombstone) has now; 0 if there never was one. The row's new version, or its
    /// tombstone's, is this plus one. Anything else in the store is a [`StoreError::Conflict`].
    pub expected: VersionId,
    /// The row afterwards, with `version_id == expected + 1`; `None` deletes it and writes a tombstone.
    pub after: Option<Forecast>,
}

/// An event that is born with a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Where it goes.
    pub topic: Topic,
    /// What goes there.
    pub message: Outgoing,
}

/// Names one request of one caller (header `Idempotency-Key`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdempotencyKey {
    /// Who asked.
    pub caller: UserId,
    /// The caller's key.
    pub key: String,
}

/// The answer that a request got, kept so that its repetition gets the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose request.
    pub key: IdempotencyKey,
    /// Hash of the request: another request under the same key is refused.
    pub fingerprint: u128,
    /// The answer, in the form of whoever stores it.
    pub response: Bytes,
    /// When the record may be forgotten.
    pub expires_at: Timestamp,
}

/// What one transaction writes: all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteSet {
    /// The incarnation in which the expected versions were read.
    pub incarnation: Incarnation,
    /// The rows, each id at most once. Their capture for the change feed is written with them.
    pub rows: Vec<RowWrite>,
    /// The events, published in this order after the commit, once each.
    pub outbox: Vec<OutboxEvent>,
    /// The answer to keep, where the caller named the request.
    pub idempotency: Option<IdempotencyRecord>,
    /// The trace that the write belongs to (W3C `traceparent`); the change feed tells it with each row.
    pub traceparent: Option<String>,
}

/// A durable transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// When, by the clock of the writing process.
    pub at: Timestamp,
}

/// Why the store refused or failed. Clone, because one flight hands it to all its waiters.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A row is not at the expected version. Nothing was written.
    #[error("forecast {id} is at version {actual}, not at the expected one")]
    Conflict {
        /// The row.
        id: ForecastId,
        /// Its version, or its tombstone's; 0 if there never was one.
        actual: VersionId,
    },
    /// The database's history was replaced since the versions were read. Nothing was written.
    #[error("the database is in incarnation {actual} now")]
    IncarnationChanged {
        /// The incarnation now.
        actual: Incarnation,
    },
    /// Another row has the natural key of a row to write. Nothing was written.
    #[error("forecast {existing} has the same company, unit, date and provider")]
    NaturalKeyTaken {
        /// That row.
        existing: ForecastId,
    },
    /// An answer is kept under this idempotency key already. Nothing was written.
    #[error("a request with this idempotency key was answered already")]
    IdempotencyKeyTaken,
    /// No connection, or it broke; whether a commit took effect is unknown. The driver's error is the source.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Option<Arc<dyn std::error::Error + Send + Sync>>),
    /// The deadline passed; whether a commit took effect is unknown.
    #[error("the store did not answer in time")]
    Timeout,
    /// The size limit of the store or of the bus inside it is reached. Nothing was written.
    #[error("the store is full: {0}")]
    Full(String),
    /// What the store holds cannot be read.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether the same call may succeed later. A conflict is not: the caller must read again first.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout | Self::Full(_) => true,
            Self::Conflict { .. }
            | Self::IncarnationChanged { .. }
            | Self::NaturalKeyTaken { .. }
            | Self::IdempotencyKeyTaken
            | Self::Corrupt(_) => false,
        }
    }
}

/// The store of forecasts.
#[doc(alias = "ForecastRepository")]
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Reads one row, or its tombstone's version.
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError>;

    /// Reads one page.
    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError>;

    /// The rows with these natural keys, in the order of `keys`, with the incarnation, in one snapshot.
    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError>;

    /// Writes all of `set`, durably, or nothing. When it answers, the events are certain to reach their subscribers: they
    /// are on the bus, or in the [outbox](super::Outbox) where the bus is not the store.
    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError>;

    /// The answer kept under `key`, unless it expired.
    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// The database's incarnation. Also the cheapest proof that the store answers.
    async fn incarnation(&self) -> Result<Incarnation, StoreError>;

    /// The versions under these ids, in their order, with the incarnation, in one snapshot: the row's, or its tombstone's,
    /// or 0 if there never was one. More than [`VERSIONS_MAX`] ids are refused as [`StoreError::Corrupt`].
    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError>;

    /// Starts a new incarnation, higher than the present one and than `above`, and answers it: the versions of the past may
    /// come again (a restore). All [leases](super::Leases) end: their tokens may have come again too. `above` is the highest that was seen elsewhere; zero, if that does not matter.
    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError>;
}
