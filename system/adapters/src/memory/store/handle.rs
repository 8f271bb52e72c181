//! The store as its users hold it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use coherence::{Incarnation, VersionId, WallClock, mutant};
use domain::model::{Forecast, ForecastId, NaturalKey, microseconds};
use domain::ports::{
    BusError, Committed, IdempotencyKey, IdempotencyRecord, ListPage, ListQuery, Lookup, Store, StoreError,
    VERSIONS_MAX, WriteSet,
};
use tokio::time::Instant;

use super::leases::LeaseRow;
use super::tables::Tables;
use crate::memory::{MemoryBus, MemoryStoreConfig};

/// The store in memory, attached to the bus that its events go to, or with an outbox for them. Clones share everything.
#[derive(Clone)]
pub struct MemoryStore {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    tables: Mutex<Tables>,
    config: MemoryStoreConfig,
    /// `None`: the events go to the outbox.
    bus: Option<MemoryBus>,
    pub(super) clock: Arc<dyn WallClock>,
}

impl MemoryStore {
    /// An empty store in incarnation 1. The events of a commit are appended to `bus` inside the commit.
    pub fn new(config: MemoryStoreConfig, bus: MemoryBus, clock: Arc<dyn WallClock>) -> Self {
        Self::of(config, Some(bus), clock)
    }

    /// An empty store in incarnation 1 whose bus is elsewhere: the events of a commit go to its [outbox](domain::ports::Outbox).
    pub fn with_outbox(config: MemoryStoreConfig, clock: Arc<dyn WallClock>) -> Self {
        Self::of(config, None, clock)
    }

    fn of(config: MemoryStoreConfig, bus: Option<MemoryBus>, clock: Arc<dyn WallClock>) -> Self {
        Self { shared: Arc::new(Shared { tables: Mutex::new(Tables::new()), config, bus, clock }) }
    }

    /// The lock is never held across an await.
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.shared.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError> {
        Ok(self.tables().lookup(id))
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        Ok(self.tables().page(query))
    }

    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        let tables = self.tables();
        let row = |key| tables.natural_keys.get(key).and_then(|id| tables.rows.get(id)).cloned();
        Ok((tables.incarnation, keys.iter().map(row).collect()))
    }

    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        let (at, now) = (microseconds(self.shared.clock.now()), Instant::now());
        let mut tables = self.tables();
        tables.prune(&self.shared.config, now, at);
        tables.check(&set, at)?;
        // The last step that can fail; the rows follow under the same lock, before anybody can look.
        match &self.shared.bus {
            Some(bus) => bus.append(&set.outbox).map_err(refused)?,
            None => tables.outbox.append(&set.outbox, at, self.shared.config.outbox_bytes_max)?,
        }
        tables.write(set, at, now);
        Ok(Committed { at })
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        Ok(self.tables().answer(key, self.shared.clock.now()).cloned())
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        Ok(self.tables().incarnation)
    }

    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        if ids.len() > VERSIONS_MAX {
            return Err(StoreError::Corrupt(format!(
                "{} versions are asked for, {VERSIONS_MAX} are allowed",
                ids.len()
            )));
        }
        let tables = self.tables();
        Ok((tables.incarnation, ids.iter().map(|id| tables.version_of(*id)).collect()))
    }

    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        let mut tables = self.tables();
        tables.incarnation = tables.incarnation.max(above).next();
        if !mutant!(LeasesOutliveLife) {
            tables.leases.values_mut().for_each(LeaseRow::end);
        }
        Ok(tables.incarnation)
    }
}

fn refused(error: BusError) -> StoreError {
    match error {
        BusError::Full(what) => StoreError::Full(what),
        BusError::Refused(what) | BusError::Corrupt(what) => StoreError::Corrupt(what),
        BusError::Timeout => StoreError::Timeout,
        BusError::Unavailable(source) => StoreError::Unavailable(source),
        BusError::Closed => StoreError::Unavailable(None),
    }
}
