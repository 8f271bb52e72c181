//! One row, or its tombstone's version.

use coherence::{Incarnation, Version, VersionId};
use domain::model::ForecastId;
use domain::ports::Lookup;
use sqlx::Row;
use sqlx::sqlite::SqlitePool;

use crate::sqlite::row;

/// One statement, so that row, tombstone and incarnation are one snapshot.
const GET: &str = "SELECT m.incarnation, t.version_id, \
     f.id, f.company_id, f.production_unit_id, f.provider_id, f.forecast_date, f.demand, f.supply, \
     f.confidence_level, f.status, f.tags, f.created_at, f.updated_at, f.version_id \
     FROM meta m LEFT JOIN forecasts f ON f.id = ?1 LEFT JOIN tombstones t ON t.id = ?1";

pub(super) async fn get(readers: &SqlitePool, id: ForecastId) -> Result<Lookup, sqlx::Error> {
    let found = sqlx::query(GET).bind(row::blob(id.0)).fetch_one(readers).await?;
    let incarnation = Incarnation(row::counter(found.try_get_unchecked(0)?)?);
    if let Some(forecast) = row::forecast(&found, 2)? {
        return Ok(Lookup::Found { forecast, incarnation });
    }
    let tombstone: Option<i64> = found.try_get_unchecked(1)?;
    let id = VersionId(row::counter(tombstone.unwrap_or(0))?);
    Ok(Lookup::Absent { version: Version { incarnation, id } })
}
