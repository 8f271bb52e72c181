//! The write: rows, events and the kept answer in one transaction of two calls.
//!
//! 1. Take the write lock and read what the checks need. 2. Write it all and commit. Of many rows the commit is a third
//!    call: their writing takes time, in which the caller may give up.

use std::collections::BTreeSet;
use std::sync::Arc;

use coherence::{Incarnation, Timestamp, VersionId};
use domain::model::{Forecast, ForecastId, NaturalKey, microseconds};
use domain::ports::{Committed, StoreError, Topic, WriteSet};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{find, idempotency};
use crate::sqlite::bus::topics;
use crate::sqlite::connection::Caller;
use crate::sqlite::database::Shared;
use crate::sqlite::errors::{PortError, is_constraint};
use crate::sqlite::{SqliteConfig, outbox, row};

/// Takes the write lock, then reads: the incarnation, the bytes on the bus (or in the outbox), when the idempotency key
/// expires, of each id the version of its row and of its tombstone, and where the capture ends.
const LOCK_AND_LOOK: &str = "BEGIN IMMEDIATE; \
     SELECT m.incarnation, CASE WHEN ?4 THEN m.outbox_bytes ELSE m.bus_bytes END, \
         (SELECT expires_at FROM idempotency WHERE caller = ?1 AND key = ?2), j.key, f.version_id, t.version_id, \
         coalesce((SELECT max(position) FROM capture), 0) \
     FROM meta m LEFT JOIN json_each(?3) j LEFT JOIN forecasts f ON f.id = unhex(j.value) \
         LEFT JOIN tombstones t ON t.id = unhex(j.value) \
     ORDER BY j.key";

/// How many rows one INSERT or UPDATE names: 13 parameters each, of SQLite's 32,766.
const ROWS_PER_STATEMENT_MAX: usize = 500;

/// Statements for so few rows and events recur, and stay prepared; larger ones would only fill the cache.
const PREPARED_ROWS_MAX: usize = 2;
const PREPARED_EVENTS_MAX: usize = 4;

pub(super) async fn commit(shared: &Arc<Shared>, set: WriteSet) -> Result<Committed, StoreError> {
    refuse_malformed(&set)?;
    let topics: BTreeSet<Topic> = set.outbox.iter().map(|event| event.topic).collect();
    let writing = Arc::clone(shared);
    shared
        .writer
        .run_for(move |connection, caller| {
            Box::pin(async move {
                let at = microseconds(writing.clock.now());
                let found = look(connection, &set, at, &writing.config).await?;
                // The lock may have been long in coming.
                caller.check()?;
                let sql = statements(&set, &found, at, &writing.config);
                write(connection, &set, sql, &caller).await?;
                // Here, not after `run`: the caller may have gone away meanwhile.
                writing.bus.wake(&topics);
                Ok(Committed { at })
            })
        })
        .await
}

/// What stands under an id: a row (`live`) or a tombstone, at this version.
#[derive(Clone, Copy)]
struct Present {
    live: bool,
    version: VersionId,
}

/// What the checks found under the write lock.
struct Found {
    present: Vec<Present>,
    /// The last change captured before this commit.
    captured: i64,
}

/// What no state of the database could make right.
fn refuse_malformed(set: &WriteSet) -> Result<(), StoreError> {
    let mut ids = BTreeSet::new();
    for each in &set.rows {
        let follows = |after: &Forecast| after.id == each.id && after.version_id == each.expected.next();
        if !each.after.as_ref().is_none_or(follows) {
            let (id, expected) = (each.id, each.expected);
            return Err(StoreError::Corrupt(format!("the write of {id} does not follow version {expected}")));
        }
        if !ids.insert(each.id) {
            // The second write of an id would meet the version that the first one made.
            return Err(StoreError::Conflict { id: each.id, actual: each.expected.next() });
        }
    }
    let mut keys = std::collections::BTreeMap::new();
    for after in set.rows.iter().filter_map(|each| each.after.as_ref()) {
        if let Some(existing) = keys.insert(after.natural_key(), after.id) {
            return Err(StoreError::NaturalKeyTaken { existing });
        }
    }
    Ok(())
}

/// Takes the write lock and checks everything that can be checked before writing.
async fn look(
    connection: &mut SqliteConnection,
    set: &WriteSet,
    now: Timestamp,
    config: &SqliteConfig,
) -> Result<Found, StoreError> {
    let ids: Vec<String> = set.rows.iter().map(|each| row::hex(each.id.0)).collect();
    let key = set.idempotency.as_ref().map(|record| &record.key);
    let rows = sqlx::query(LOCK_AND_LOOK)
        .bind(key.map(|key| row::blob(key.caller.0)))
        .bind(key.map(|key| key.key.clone()))
        .bind(serde_json::Value::from(ids).to_string())
        .bind(config.outbox)
        .fetch_all(connection)
        .await
        .map_err(StoreError::from_driver)?;
    let Some(first) = rows.first() else { return Err(StoreError::Corrupt("the table meta is empty".to_owned())) };
    let read = |column: usize| first.try_get_unchecked::<i64, _>(column).and_then(row::counter);
    let incarnation = Incarnation(read(0).map_err(StoreError::from_driver)?);
    if incarnation != set.incarnation {
        return Err(StoreError::IncarnationChanged { actual: incarnation });
    }
    let expires: Option<i64> = first.try_get_unchecked(2).map_err(StoreError::from_driver)?;
    if expires.is_some_and(|expires| expires > now.as_microsecond()) {
        return Err(StoreError::IdempotencyKeyTaken);
    }
    let mut present = Vec::with_capacity(set.rows.len());
    for (wanted, found) in set.rows.iter().zip(&rows) {
        let found = present_in(found).map_err(StoreError::from_driver)?;
        // There is nothing to delete, and nothing to write a tombstone for, where there is no row.
        let deletes_nothing = wanted.after.is_none() && !found.live;
        if found.version != wanted.expected || deletes_nothing {
            return Err(StoreError::Conflict { id: wanted.id, actual: found.version });
        }
        present.push(found);
    }
    let used = read(1).map_err(StoreError::from_driver)?;
    topics::check_room(used, set.outbox.iter().map(|event| &event.message), config.max_bytes)
        .map_err(StoreError::Full)?;
    let captured = first.try_get_unchecked(6).map_err(StoreError::from_driver)?;
    Ok(Found { present, captured })
}

fn present_in(found: &sqlx::sqlite::SqliteRow) -> Result<Present, sqlx::Error> {
    let live: Option<i64> = found.try_get_unchecked(4)?;
    let tombstone: Option<i64> = found.try_get_unchecked(5)?;
    let version = VersionId(row::counter(live.or(tombstone).unwrap_or(0))?);
    Ok(Present { live: live.is_some(), version })
}

/// What writes the set.
fn statements(set: &WriteSet, found: &Found, at: Timestamp, config: &SqliteConfig) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new("");
    // Deletes first: they free natural keys for the others.
    push_deletes(&mut sql, set);
    let pairs =
        || set.rows.iter().zip(&found.present).filter_map(|(each, present)| Some((each.after.as_ref()?, present)));
    let updates: Vec<&Forecast> = pairs().filter(|(_, present)| present.live).map(|(after, _)| after).collect();
    let inserts: Vec<&Forecast> = pairs().filter(|(_, present)| !present.live).map(|(after, _)| after).collect();
    updates.chunks(ROWS_PER_STATEMENT_MAX).for_each(|chunk| push_update(&mut sql, chunk));
    inserts.chunks(ROWS_PER_STATEMENT_MAX).for_each(|chunk| push_insert(&mut sql, chunk));
    if let Some(traceparent) = &set.traceparent {
        // The triggers have just written these rows; those of a bare statement stay without a trace.
        sql.push("UPDATE capture SET traceparent = ").push_bind(traceparent.clone());
        sql.push(" WHERE position > ").push_bind(found.captured).push("; ");
    }
    let events: Vec<_> = set.outbox.iter().map(|event| (event.topic, &event.message)).collect();
    match config.outbox {
        true => outbox::push_insert(&mut sql, &events, at),
        false => topics::push_insert(&mut sql, &events, at),
    }
    if let Some(record) = &set.idempotency {
        idempotency::push_insert(&mut sql, record);
    }
    sql
}

/// Writes everything and commits, unless the caller is gone. One that goes away later meets a commit that has begun.
async fn write(
    connection: &mut SqliteConnection,
    set: &WriteSet,
    mut sql: QueryBuilder<Sqlite>,
    caller: &Caller,
) -> Result<(), StoreError> {
    let recurs = set.rows.len() <= PREPARED_ROWS_MAX && set.outbox.len() <= PREPARED_EVENTS_MAX;
    if recurs {
        sql.push("COMMIT");
    }
    if let Err(error) = sql.build().persistent(recurs).execute(&mut *connection).await {
        return Err(refusal(connection, set, error).await);
    }
    if !recurs {
        caller.check()?;
        sqlx::query("COMMIT").execute(&mut *connection).await.map_err(StoreError::from_driver)?;
    }
    Ok(())
}

/// Says why a write failed: a natural key that another row holds is not an error of the database.
async fn refusal(connection: &mut SqliteConnection, set: &WriteSet, error: sqlx::Error) -> StoreError {
    if is_constraint(&error) {
        let wanted: Vec<(ForecastId, NaturalKey)> =
            set.rows.iter().filter_map(|each| Some((each.id, each.after.as_ref()?.natural_key()))).collect();
        match find::holder(connection, &wanted).await {
            Ok(Some(existing)) => return StoreError::NaturalKeyTaken { existing },
            Ok(None) => {}
            Err(other) => return StoreError::from_driver(other),
        }
    }
    StoreError::from_driver(error)
}

fn push_deletes(sql: &mut QueryBuilder<Sqlite>, set: &WriteSet) {
    let ids: Vec<String> =
        set.rows.iter().filter(|each| each.after.is_none()).map(|each| row::hex(each.id.0)).collect();
    if !ids.is_empty() {
        sql.push("DELETE FROM forecasts WHERE id IN (SELECT unhex(value) FROM json_each(");
        sql.push_bind(serde_json::Value::from(ids).to_string()).push(")); ");
    }
}

fn push_insert(sql: &mut QueryBuilder<Sqlite>, rows: &[&Forecast]) {
    sql.push("INSERT INTO forecasts (").push(row::COLUMNS).push(") ");
    push_rows(sql, rows);
    sql.push("; ");
}

fn push_update(sql: &mut QueryBuilder<Sqlite>, rows: &[&Forecast]) {
    sql.push(
        "UPDATE forecasts SET company_id = v.column2, production_unit_id = v.column3, provider_id = v.column4, \
         forecast_date = v.column5, demand = v.column6, supply = v.column7, confidence_level = v.column8, \
         status = v.column9, tags = v.column10, created_at = v.column11, updated_at = v.column12, \
         version_id = v.column13 FROM (",
    );
    push_rows(sql, rows);
    sql.push(") AS v WHERE forecasts.id = v.column1; ");
}

/// `VALUES (...), (...)` with [`row::COLUMNS`] of each row. Bound, not passed as JSON: floats must arrive bit by bit.
fn push_rows(sql: &mut QueryBuilder<Sqlite>, rows: &[&Forecast]) {
    sql.push_values(rows, |mut columns, each| {
        columns
            .push_bind(row::blob(each.id.0))
            .push_bind(row::blob(each.company_id.0))
            .push_bind(row::blob(each.production_unit_id.0))
            .push_bind(each.provider_id.map(|provider| row::blob(provider.0)))
            .push_bind(each.forecast_date.as_microsecond())
            .push_bind(each.demand)
            .push_bind(each.supply)
            .push_bind(each.confidence_level)
            .push_bind(row::status_name(each.status))
            .push_bind(row::tags_json(&each.tags))
            .push_bind(each.created_at.as_microsecond())
            .push_bind(each.updated_at.as_microsecond())
            .push_bind(row::signed(each.version_id.0));
    });
}
