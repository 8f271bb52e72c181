//! The port on the open database.

use std::sync::Arc;

use async_trait::async_trait;
use coherence::{Incarnation, VersionId};
use domain::model::{Forecast, ForecastId, NaturalKey};
use domain::ports::{
    Committed, IdempotencyKey, IdempotencyRecord, ListPage, ListQuery, Lookup, Store, StoreError, WriteSet,
};

use super::{commit, find, get, idempotency, incarnation, list, versions};
use crate::sqlite::database::Shared;
use crate::sqlite::errors::PortError;

/// The store of forecasts in a SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    pub(in crate::sqlite) shared: Arc<Shared>,
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError> {
        get::get(&self.shared.readers, id).await.map_err(StoreError::from_driver)
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        list::list(&self.shared.readers, query).await.map_err(StoreError::from_driver)
    }

    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        find::find(&self.shared.readers, keys).await.map_err(StoreError::from_driver)
    }

    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        commit::commit(&self.shared, set).await
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        idempotency::read(&self.shared, key).await.map_err(StoreError::from_driver)
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        incarnation::read(&self.shared.readers).await.map_err(StoreError::from_driver)
    }

    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        versions::read(&self.shared.readers, ids).await
    }

    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        incarnation::raise(&self.shared.writer, above).await
    }
}
