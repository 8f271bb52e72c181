//! The store with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::{Incarnation, VersionId};
use domain::model::{Forecast, ForecastId, NaturalKey};
use domain::ports::{
    Committed, IdempotencyKey, IdempotencyRecord, ListPage, ListQuery, Lookup, Store, StoreError, WriteSet,
};

use super::deadline::within;

/// A store whose every call ends by the deadline.
pub struct TimeoutStore {
    inner: Arc<dyn Store>,
    deadline: Duration,
}

impl TimeoutStore {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn Store>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl Store for TimeoutStore {
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError> {
        within(self.deadline, self.inner.get(id)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        within(self.deadline, self.inner.list(query)).await
    }

    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        within(self.deadline, self.inner.find(keys)).await
    }

    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        within(self.deadline, self.inner.commit(set)).await
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        within(self.deadline, self.inner.idempotency(key)).await
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        within(self.deadline, self.inner.incarnation()).await
    }

    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        within(self.deadline, self.inner.versions(ids)).await
    }

    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        within(self.deadline, self.inner.raise_incarnation(above)).await
    }
}
