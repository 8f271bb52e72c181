//! The port on the open database.

use std::sync::Arc;

use async_trait::async_trait;
use coherence::{Incarnation, VersionId};
use domain::model::{Forecast, ForecastId, NaturalKey};
use domain::ports::{
    Committed, IdempotencyKey, IdempotencyRecord, ListPage, ListQuery, Lookup, Store, StoreError, VERSIONS_MAX,
    WriteSet,
};

use super::{commit, list, reads};
use crate::sqlserver::database::Shared;
use crate::sqlserver::errors::PortError;

/// The store of forecasts in a database of SQL Server.
#[derive(Clone)]
pub struct SqlServerStore {
    pub(in crate::sqlserver) shared: Arc<Shared>,
}

#[async_trait]
impl Store for SqlServerStore {
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError> {
        reads::get(&self.shared, id).await.map_err(StoreError::from_sql)
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        list::list(&self.shared, query).await.map_err(StoreError::from_sql)
    }

    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        reads::find(&self.shared, keys).await.map_err(StoreError::from_sql)
    }

    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        commit::commit(&self.shared, set).await
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        reads::answer(&self.shared, key).await.map_err(StoreError::from_sql)
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        reads::incarnation(&self.shared).await.map_err(StoreError::from_sql)
    }

    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        if ids.len() > VERSIONS_MAX {
            let asked = ids.len();
            return Err(StoreError::Corrupt(format!("{asked} versions are asked for, {VERSIONS_MAX} are allowed")));
        }
        reads::versions(&self.shared, ids).await.map_err(StoreError::from_sql)
    }

    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        reads::raise_incarnation(&self.shared, above).await.map_err(StoreError::from_sql)
    }
}
