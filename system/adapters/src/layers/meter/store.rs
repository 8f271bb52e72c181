//! The store with counts.

use std::sync::Arc;

use async_trait::async_trait;
use coherence::{Incarnation, VersionId};
use domain::model::{Forecast, ForecastId, NaturalKey};
use domain::ports::{
    Committed, IdempotencyKey, IdempotencyRecord, ListPage, ListQuery, Lookup, Store, StoreError, WriteSet,
};

use super::call::{Meter, metered};

/// A store that tells a meter of every call.
pub struct MeterStore {
    inner: Arc<dyn Store>,
    meter: Arc<dyn Meter>,
}

impl MeterStore {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn Store>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl Store for MeterStore {
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError> {
        metered(&*self.meter, "store", "get", self.inner.get(id)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        metered(&*self.meter, "store", "list", self.inner.list(query)).await
    }

    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        metered(&*self.meter, "store", "find", self.inner.find(keys)).await
    }

    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        metered(&*self.meter, "store", "commit", self.inner.commit(set)).await
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        metered(&*self.meter, "store", "idempotency", self.inner.idempotency(key)).await
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        metered(&*self.meter, "store", "incarnation", self.inner.incarnation()).await
    }

    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        metered(&*self.meter, "store", "versions", self.inner.versions(ids)).await
    }

    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        metered(&*self.meter, "store", "raise_incarnation", self.inner.raise_incarnation(above)).await
    }
}
