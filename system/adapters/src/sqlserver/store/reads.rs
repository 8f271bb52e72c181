//! What is asked in one statement, and so in one snapshot.

use bytes::Bytes;
use coherence::{Incarnation, Version, VersionId};
use domain::model::{Forecast, ForecastId, NaturalKey};
use domain::ports::{IdempotencyKey, IdempotencyRecord, Lookup};
use serde_json::{Value as Json, json};
use tiberius::Row;

use crate::sqlserver::database::Shared;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_json, id_list, signed};
use crate::sqlserver::statement::{int, json_time, text, uuid};
use crate::sqlserver::statements::{
    STORE_ANSWER, STORE_FIND, STORE_GET, STORE_INCARNATION, STORE_RAISE_INCARNATION, STORE_VERSIONS,
};

/// Every question has a row for its answer: that of the table `dbo.ForecastMeta`.
fn only(rows: &[Row]) -> Result<&Row, SqlError> {
    rows.first().ok_or_else(|| SqlError::Unreadable("the table dbo.ForecastMeta is empty".to_owned()))
}

pub(super) async fn get(shared: &Shared, id: ForecastId) -> Result<Lookup, SqlError> {
    let rows = shared.rows(&STORE_GET, [uuid(id.0)]).await?;
    lookup(only(&rows)?)
}

pub(in crate::sqlserver) fn lookup(row: &Row) -> Result<Lookup, SqlError> {
    let mut columns = Columns::of(row);
    let incarnation = columns.incarnation()?;
    let tombstone = columns.optional_int()?.unwrap_or_default().unsigned_abs();
    Ok(match columns.forecast()? {
        Some(forecast) => Lookup::Found { forecast, incarnation },
        None => Lookup::Absent { version: Version { incarnation, id: VersionId(tombstone) } },
    })
}

/// A natural key for `OPENJSON`.
pub(super) fn key_json(key: &NaturalKey) -> Json {
    json!({
        "company": id_json(key.company_id.0),
        "unit": id_json(key.production_unit_id.0),
        "date": json_time(key.forecast_date),
        "provider": key.provider_id.map(|provider| id_json(provider.0)),
    })
}

pub(super) async fn find(
    shared: &Shared,
    keys: &[NaturalKey],
) -> Result<(Incarnation, Vec<Option<Forecast>>), SqlError> {
    let wanted = keys.iter().enumerate().map(|(n, key)| {
        let mut wanted = key_json(key);
        wanted["n"] = n.into();
        wanted
    });
    let rows = shared.rows(&STORE_FIND, [text(Json::Array(wanted.collect()).to_string())]).await?;
    let incarnation = Columns::of(only(&rows)?).incarnation()?;
    let mut found = vec![None; keys.len()];
    for row in &rows {
        let mut columns = Columns::of(row);
        columns.skip(1);
        let Some(place) = columns.optional_int()? else { continue };
        if let Some(slot) = usize::try_from(place).ok().and_then(|place| found.get_mut(place)) {
            *slot = columns.forecast()?;
        }
    }
    Ok((incarnation, found))
}

pub(super) async fn versions(shared: &Shared, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), SqlError> {
    let rows = shared.rows(&STORE_VERSIONS, [text(id_list(ids.iter().map(|id| id.0)))]).await?;
    let incarnation = Columns::of(only(&rows)?).incarnation()?;
    let mut found = Vec::with_capacity(ids.len());
    for row in &rows {
        let mut columns = Columns::of(row);
        columns.skip(1);
        // Without ids there is one row nevertheless, for the incarnation.
        if columns.optional_int()?.is_some() {
            found.push(VersionId(columns.counter()?));
        }
    }
    Ok((incarnation, found))
}

pub(super) async fn incarnation(shared: &Shared) -> Result<Incarnation, SqlError> {
    let rows = shared.rows(&STORE_INCARNATION, []).await?;
    Columns::of(only(&rows)?).incarnation()
}

pub(super) async fn raise_incarnation(shared: &Shared, above: Incarnation) -> Result<Incarnation, SqlError> {
    let rows = shared.rows(&STORE_RAISE_INCARNATION, [int(signed(above.0))]).await?;
    Columns::of(only(&rows)?).incarnation()
}

pub(super) async fn answer(shared: &Shared, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, SqlError> {
    let rows = shared.rows(&STORE_ANSWER, [uuid(key.caller.0), text(&*key.key)]).await?;
    rows.first().map(|row| kept_answer(key, row)).transpose()
}

/// A kept answer: its fingerprint, its bytes, its end.
pub(in crate::sqlserver) fn kept_answer(key: &IdempotencyKey, row: &Row) -> Result<IdempotencyRecord, SqlError> {
    let mut columns = Columns::of(row);
    Ok(IdempotencyRecord {
        key: key.clone(),
        fingerprint: columns.wide()?,
        response: Bytes::from(columns.bytes()?.to_vec()),
        expires_at: columns.time()?,
    })
}
