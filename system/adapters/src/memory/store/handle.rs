//! The store as its users hold it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use coherence::{Incarnation, WallClock};
use domain::model::{Forecast, ForecastId, NaturalKey, microseconds};
use domain::ports::{
    BusError, Committed, IdempotencyKey, IdempotencyRecord, ListPage, ListQuery, Lookup, Store, StoreError, WriteSet,
};
use tokio::time::Instant;

use super::tables::Tables;
use crate::memory::{MemoryBus, MemoryStoreConfig};

/// The store in memory, attached to the bus that its events go to. Clones share everything.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    tables: Mutex<Tables>,
    config: MemoryStoreConfig,
    bus: MemoryBus,
    clock: Arc<dyn WallClock>,
}

impl MemoryStore {
    /// An empty store in incarnation 1. The events of a commit are appended to `bus` inside the commit.
    pub fn new(config: MemoryStoreConfig, bus: MemoryBus, clock: Arc<dyn WallClock>) -> Self {
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
        self.shared.bus.append(&set.outbox).map_err(refused)?;
        tables.write(set, now);
        Ok(Committed { at })
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        Ok(self.tables().answer(key, self.shared.clock.now()).cloned())
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        Ok(self.tables().incarnation)
    }

    async fn raise_incarnation(&self) -> Result<Incarnation, StoreError> {
        let mut tables = self.tables();
        tables.incarnation = tables.incarnation.next();
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
