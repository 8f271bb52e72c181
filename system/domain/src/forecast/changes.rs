//! A change on its way: the row to write, the events born with it, what the caches are told afterwards.

use std::collections::BTreeMap;

use coherence::{Incarnation, Key, Tag, Timestamp, Version, VersionId};

use super::{Caller, ServiceError};
use crate::event::{CacheInvalidation, Event, EventError, ForecastCompleted, ForecastUpdated, Reason};
use crate::model::{Forecast, ForecastId, Status, forecast_key, microseconds};
use crate::ports::{Ids, OutboxEvent, RowWrite};

/// A forecast as a write left it.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The forecast.
    pub forecast: Forecast,
    /// Its version, for `ETag` and `X-Version`.
    pub version: Version,
}

/// What happens to one row.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Created(Forecast),
    Updated { before: Forecast, after: Forecast },
    Deleted(Forecast),
}

impl Change {
    fn id(&self) -> ForecastId {
        match self {
            Self::Created(row) | Self::Deleted(row) | Self::Updated { after: row, .. } => row.id,
        }
    }

    /// The version of the row, or of its tombstone, afterwards.
    pub(super) fn version_id(&self) -> VersionId {
        match self {
            Self::Created(row) | Self::Updated { after: row, .. } => row.version_id,
            Self::Deleted(row) => row.version_id.next(),
        }
    }

    pub(super) fn key(&self) -> Key {
        forecast_key(self.id())
    }

    /// The tags of the lists that could show the row, before and after.
    pub(super) fn tags(&self) -> Vec<Tag> {
        match self {
            Self::Created(row) | Self::Deleted(row) => row.placement().tags(),
            Self::Updated { before, after } => before.placement().tags_with(&after.placement()),
        }
    }

    pub(super) fn row_write(&self) -> RowWrite {
        match self {
            Self::Created(row) => RowWrite { id: row.id, expected: VersionId(0), after: Some(row.clone()) },
            Self::Updated { before, after } => {
                RowWrite { id: after.id, expected: before.version_id, after: Some(after.clone()) }
            }
            Self::Deleted(row) => RowWrite { id: row.id, expected: row.version_id, after: None },
        }
    }

    /// The forecast, if this change makes it `Completed`.
    fn completed(&self) -> Option<&Forecast> {
        match self {
            Self::Created(row) => Some(row).filter(|row| row.status == Status::Completed),
            Self::Updated { before, after } => {
                Some(after).filter(|row| row.status == Status::Completed && before.status != Status::Completed)
            }
            Self::Deleted(_) => None,
        }
    }
}

/// Makes the events of changes.
pub(super) struct Announcer<'a> {
    pub(super) caller: &'a Caller,
    pub(super) ids: &'a dyn Ids,
    pub(super) incarnation: Incarnation,
    pub(super) now: Timestamp,
    /// Whether forecasts that become `Completed` are announced.
    pub(super) notify: bool,
}

impl Announcer<'_> {
    /// POST: invalidation; PATCH: updated, invalidation; DELETE: invalidation; then completed, where it applies.
    pub(super) fn events(&self, change: &Change) -> Result<Vec<OutboxEvent>, ServiceError> {
        self.encoded(change).map_err(|error| ServiceError::Internal(error.to_string()))
    }

    fn encoded(&self, change: &Change) -> Result<Vec<OutboxEvent>, EventError> {
        let properties: BTreeMap<String, String> =
            self.caller.traceparent.iter().map(|trace| ("traceparent".to_owned(), trace.clone())).collect();
        let mut events = Vec::with_capacity(3);
        let (reason, at) = match change {
            Change::Created(row) => (Reason::DataCreated, row.created_at),
            Change::Updated { before, after } => {
                let id = self.ids.event_id();
                let updated = ForecastUpdated::new(id, self.caller.user, self.incarnation, before, after);
                events.push(updated.outbox(&properties)?);
                (Reason::DataUpdated, after.updated_at)
            }
            Change::Deleted(_) => (Reason::DataDeleted, microseconds(self.now)),
        };
        let version = Version { incarnation: self.incarnation, id: change.version_id() };
        let invalidation =
            CacheInvalidation::new(self.ids.event_id(), change.id(), version, &change.tags(), reason, at);
        events.push(invalidation.outbox(&properties)?);
        if let Some(row) = change.completed().filter(|_| self.notify) {
            let completed = ForecastCompleted::new(self.ids.event_id(), self.caller.user, row);
            events.push(completed.outbox(&properties)?);
        }
        Ok(events)
    }
}
