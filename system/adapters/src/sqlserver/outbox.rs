//! The outbox: the events of commits, on their way to a bus that is elsewhere.

use async_trait::async_trait;
use domain::ports::{Outbox, OutboxEvent, OutboxId, OutboxRow, Outgoing, StoreError};
use serde_json::{Value as Json, json};
use tiberius::Row;

use super::SqlServerStore;
use super::errors::{PortError, SqlError};
use super::row::{Columns, properties_json};
use super::statement::{small_int, text};
use super::statements::{OUTBOX_MARK, OUTBOX_PENDING};

/// What an event takes beside its texts, about: the row's header, two index entries, the fixed columns.
const EVENT_OVERHEAD_BYTES: u64 = 96;

/// What an event takes. Texts are two bytes a letter.
pub(super) fn bytes_of(message: &Outgoing) -> u64 {
    let letters = message.key.len() + message.payload.len() + properties_json(message).len();
    EVENT_OVERHEAD_BYTES + 2 * letters as u64
}

/// Events for `OPENJSON`, in their order. Events are JSON, and so texts.
pub(super) fn json(events: &[OutboxEvent]) -> Result<String, StoreError> {
    let mut list = Vec::with_capacity(events.len());
    for (n, event) in events.iter().enumerate() {
        let payload = std::str::from_utf8(&event.message.payload)
            .map_err(|_| StoreError::Corrupt("an event is not a text".to_owned()))?;
        list.push(json!({
            "n": n,
            "topic": event.topic.name(),
            "key": event.message.key,
            "payload": payload,
            "properties": properties_json(&event.message),
            "bytes": bytes_of(&event.message),
        }));
    }
    Ok(Json::Array(list).to_string())
}

#[async_trait]
impl Outbox for SqlServerStore {
    async fn pending(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self.shared.rows(&OUTBOX_PENDING, [small_int(limit)]).await.map_err(StoreError::from_sql)?;
        rows.iter().map(|row| pending(row).map_err(StoreError::from_sql)).collect()
    }

    async fn mark_sent(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        // An id above the server's is nobody's.
        let ids: Vec<i64> = ids.iter().filter_map(|id| i64::try_from(id.0).ok()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let list = text(Json::from(ids).to_string());
        self.shared.rows(&OUTBOX_MARK, [list]).await.map(drop).map_err(StoreError::from_sql)
    }
}

pub(super) fn pending(row: &Row) -> Result<OutboxRow, SqlError> {
    let mut columns = Columns::of(row);
    Ok(OutboxRow {
        id: OutboxId(u128::from(columns.counter()?)),
        topic: columns.topic()?,
        message: columns.outgoing_text()?,
        born_at: columns.time()?,
    })
}
