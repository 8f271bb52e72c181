//! The write: rows, events and the kept answer in one transaction. It looks first, under locks; then it deletes, updates
//! and inserts: deletes free natural keys for the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use coherence::Timestamp;
use domain::model::{Forecast, microseconds};
use domain::ports::{Committed, IdempotencyRecord, StoreError, WriteSet};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::look::{Present, look, moves};
use super::rows::{ROWS_PER_STATEMENT_MAX, Write, text_of, values_of};
use crate::sqlserver::connection::{Session, Stop, transaction};
use crate::sqlserver::database::Shared;
use crate::sqlserver::errors::{PortError, SqlError};
use crate::sqlserver::outbox;
use crate::sqlserver::row::{Columns, id_json};
use crate::sqlserver::statement::{bytes, text, text_or_null, time, uuid};
use crate::sqlserver::statements::{OUTBOX_BYTES, OUTBOX_INSERT, STORE_DELETE, STORE_KEEP_ANSWER};

/// How old the count of the outbox's bytes may be: what is written meanwhile can pass the limit by that much.
const COUNT_LIFE: Duration = Duration::from_secs(1);

pub(super) async fn commit(shared: &Arc<Shared>, set: WriteSet) -> Result<Committed, StoreError> {
    refuse_malformed(&set)?;
    check_room(shared, &set).await?;
    let (set, at) = (Arc::new(set), microseconds(shared.clock.now()));
    transaction(&shared.pool, move |session| {
        let set = Arc::clone(&set);
        Box::pin(async move {
            let present = look(session, &set).await?;
            write(session, &set, &present, at).await?;
            Ok(Committed { at })
        })
    })
    .await
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
    let mut keys = BTreeMap::new();
    for after in set.rows.iter().filter_map(|each| each.after.as_ref()) {
        if let Some(existing) = keys.insert(after.natural_key(), after.id) {
            return Err(StoreError::NaturalKeyTaken { existing });
        }
    }
    Ok(())
}

/// Refuses events where there is no room for them. Counted once a second and process, not with each commit: a counter that
/// every commit writes would make them wait for each other.
async fn check_room(shared: &Shared, set: &WriteSet) -> Result<(), StoreError> {
    if set.outbox.is_empty() {
        return Ok(());
    }
    let mut counted = shared.outbox_bytes.lock().await;
    let used = match *counted {
        Some((at, used)) if at.elapsed() < COUNT_LIFE => used,
        _ => {
            let rows = shared.rows(&OUTBOX_BYTES, []).await.map_err(StoreError::from_sql)?;
            let used = rows.first().map_or(Ok(0), |row| Columns::of(row).counter()).map_err(StoreError::from_sql)?;
            *counted = Some((Instant::now(), used));
            used
        }
    };
    let more: u64 = set.outbox.iter().map(|event| outbox::bytes_of(&event.message)).sum();
    if used.saturating_add(more) > shared.config.max_bytes {
        let max = shared.config.max_bytes;
        return Err(StoreError::Full(format!("{used} bytes of events are not sent, {max} are allowed")));
    }
    *counted = counted.map(|(at, used)| (at, used.saturating_add(more)));
    Ok(())
}

async fn write(
    session: &mut Session,
    set: &WriteSet,
    present: &[Present],
    at: Timestamp,
) -> Result<(), Stop<StoreError>> {
    let trace = set.traceparent.as_deref();
    let deleted: Vec<Json> =
        set.rows.iter().filter(|each| each.after.is_none()).map(|each| json!({ "id": id_json(each.id.0) })).collect();
    if !deleted.is_empty() {
        let list = text(Json::Array(deleted).to_string());
        session.rows(&STORE_DELETE, [list, text_or_null(set.traceparent.clone())]).await?;
    }
    let (mut updates, mut moved, mut inserts) = (Vec::new(), Vec::new(), Vec::new());
    for (each, found) in set.rows.iter().zip(present) {
        let Some(after) = &each.after else { continue };
        match found {
            Present::Row(..) if moves(*found, &after.placement()) => moved.push(after),
            Present::Row(..) => updates.push(after),
            Present::Tombstone(_) | Present::Nothing => inserts.push(after),
        }
    }
    for (write, rows) in [(Write::Move, moved), (Write::Update, updates), (Write::Insert, inserts)] {
        for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            session.run(&text_of(write, chunk.len()), values_of(write, trace, chunk)?).await?;
        }
    }
    if !set.outbox.is_empty() {
        let events = outbox::json(&set.outbox).map_err(Stop::Port)?;
        session.rows(&OUTBOX_INSERT, [text(events), time(at)?]).await?;
    }
    if let Some(record) = &set.idempotency {
        keep(session, record).await?;
    }
    Ok(())
}

/// Whether the key is free was checked in the same transaction.
async fn keep(session: &mut Session, record: &IdempotencyRecord) -> Result<(), SqlError> {
    let values = [
        uuid(record.key.caller.0),
        text(&*record.key.key),
        bytes(record.fingerprint.to_be_bytes()),
        bytes(record.response.to_vec()),
        time(record.expires_at)?,
    ];
    session.rows(&STORE_KEEP_ANSWER, values).await.map(drop)
}
