//! Versions of many rows at once.

use coherence::{Incarnation, VersionId};
use domain::model::ForecastId;
use domain::ports::{StoreError, VERSIONS_MAX};
use sqlx::Row;
use sqlx::sqlite::SqlitePool;

use crate::sqlite::errors::PortError;
use crate::sqlite::row;

/// One statement, so that all versions are of one snapshot. A row's version stands above its tombstone's, which is gone.
const VERSIONS: &str = "SELECT m.incarnation, j.key, coalesce(f.version_id, t.version_id, 0) \
     FROM meta m LEFT JOIN json_each(?1) j LEFT JOIN forecasts f ON f.id = unhex(j.value) \
         LEFT JOIN tombstones t ON t.id = unhex(j.value) \
     ORDER BY j.key";

pub(super) async fn read(
    readers: &SqlitePool,
    ids: &[ForecastId],
) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
    if ids.len() > VERSIONS_MAX {
        return Err(StoreError::Corrupt(format!("{} versions are asked for, {VERSIONS_MAX} are allowed", ids.len())));
    }
    versions(readers, ids).await.map_err(StoreError::from_driver)
}

async fn versions(readers: &SqlitePool, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), sqlx::Error> {
    let parameter: Vec<String> = ids.iter().map(|id| row::hex(id.0)).collect();
    let rows = sqlx::query(VERSIONS).bind(serde_json::Value::from(parameter).to_string()).fetch_all(readers).await?;
    let mut incarnation = Incarnation::default();
    let mut found = Vec::with_capacity(ids.len());
    for each in &rows {
        incarnation = Incarnation(row::counter(each.try_get_unchecked(0)?)?);
        // Without ids there is one row nevertheless, for the incarnation.
        if each.try_get_unchecked::<Option<i64>, _>(1)?.is_some() {
            found.push(VersionId(row::counter(each.try_get_unchecked(2)?)?));
        }
    }
    Ok((incarnation, found))
}
