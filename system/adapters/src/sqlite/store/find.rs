//! Rows by their natural keys.

use coherence::Incarnation;
use domain::model::{Forecast, ForecastId, NaturalKey};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::sqlite::row;

/// One statement for any number of keys: one snapshot, one hand-over. The outer joins keep keys that match nothing.
const FIND: &str = "SELECT m.incarnation, k.key, \
     f.id, f.company_id, f.production_unit_id, f.provider_id, f.forecast_date, f.demand, f.supply, \
     f.confidence_level, f.status, f.tags, f.created_at, f.updated_at, f.version_id \
     FROM meta m LEFT JOIN json_each(?1) k LEFT JOIN forecasts f \
     ON f.company_id = unhex(k.value ->> 0) AND f.production_unit_id = unhex(k.value ->> 1) \
     AND f.forecast_date = (k.value ->> 2) AND coalesce(f.provider_id, x'') = unhex(k.value ->> 3) \
     ORDER BY k.key";

/// Who holds one of these keys, apart from `own`.
const HOLDER: &str = "SELECT f.id FROM json_each(?1) k JOIN forecasts f \
     ON f.company_id = unhex(k.value ->> 0) AND f.production_unit_id = unhex(k.value ->> 1) \
     AND f.forecast_date = (k.value ->> 2) AND coalesce(f.provider_id, x'') = unhex(k.value ->> 3) \
     WHERE f.id <> unhex(k.value ->> 4) ORDER BY k.key LIMIT 1";

pub(super) async fn find(
    readers: &SqlitePool,
    keys: &[NaturalKey],
) -> Result<(Incarnation, Vec<Option<Forecast>>), sqlx::Error> {
    let parameter: Vec<_> = keys.iter().map(|key| key_json(key, "")).collect();
    let parameter = serde_json::Value::Array(parameter).to_string();
    let rows = sqlx::query(FIND).bind(parameter).fetch_all(readers).await?;
    let mut found = vec![None; keys.len()];
    let mut incarnation = Incarnation::default();
    for each in &rows {
        incarnation = Incarnation(row::counter(each.try_get_unchecked(0)?)?);
        let place: Option<i64> = each.try_get_unchecked(1)?;
        let slot = place.and_then(|place| usize::try_from(place).ok()).and_then(|place| found.get_mut(place));
        if let Some(slot) = slot {
            *slot = row::forecast(each, 2)?;
        }
    }
    Ok((incarnation, found))
}

/// Why a natural key could not be taken: the first row, in the order of `wanted`, that holds one of them.
pub(super) async fn holder(
    connection: &mut SqliteConnection,
    wanted: &[(ForecastId, NaturalKey)],
) -> Result<Option<ForecastId>, sqlx::Error> {
    let parameter: Vec<_> = wanted.iter().map(|(id, key)| key_json(key, &row::hex(id.0))).collect();
    let parameter = serde_json::Value::Array(parameter).to_string();
    let found = sqlx::query(HOLDER).bind(parameter).fetch_optional(connection).await?;
    found.map(|found| row::forecast_id(&found, 0)).transpose()
}

fn key_json(key: &NaturalKey, own: &str) -> serde_json::Value {
    serde_json::json!([
        row::hex(key.company_id.0),
        row::hex(key.production_unit_id.0),
        key.forecast_date.as_microsecond(),
        key.provider_id.map(|provider| row::hex(provider.0)).unwrap_or_default(),
        own,
    ])
}
