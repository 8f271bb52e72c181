//! The outbox, where the bus is not this file (`SqliteConfig::outbox`).

use std::sync::Arc;

use async_trait::async_trait;
use coherence::Timestamp;
use domain::ports::{Outbox, OutboxId, OutboxRow, Outgoing, StoreError, Topic};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::SqliteStore;
use super::bus::topics;
use super::errors::PortError;
use super::row;

/// How many rows one INSERT names: 6 parameters each, of SQLite's 32,766.
const ROWS_PER_STATEMENT_MAX: usize = 1_000;

pub(super) const PENDING: &str = "SELECT id, topic, key, payload, properties, born_at FROM outbox \
                       WHERE sent_at IS NULL ORDER BY id LIMIT ?";

const MARK: &str = "UPDATE outbox SET sent_at = ?1 WHERE sent_at IS NULL AND id IN (SELECT value FROM json_each(?2))";

/// Appends the statements that keep `events`, in their order.
pub(super) fn push_insert(sql: &mut QueryBuilder<Sqlite>, events: &[(Topic, &Outgoing)], at: Timestamp) {
    for chunk in events.chunks(ROWS_PER_STATEMENT_MAX) {
        sql.push("INSERT INTO outbox (topic, key, payload, properties, born_at, bytes) ");
        sql.push_values(chunk, |mut columns, (topic, message)| {
            let properties = topics::properties_json(message);
            let bytes = row::signed(topics::bytes_of(message, &properties));
            columns
                .push_bind(topic.name())
                .push_bind(message.key.clone())
                .push_bind(message.payload.to_vec())
                .push_bind(properties)
                .push_bind(at.as_microsecond())
                .push_bind(bytes);
        });
        sql.push("; ");
    }
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn pending(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let query = sqlx::query(PENDING).bind(i64::from(limit));
        let rows = query.fetch_all(&self.shared.readers).await.map_err(StoreError::from_driver)?;
        rows.iter().map(|row| pending(row).map_err(StoreError::from_driver)).collect()
    }

    async fn mark_sent(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = ids.iter().filter_map(|id| i64::try_from(id.0).ok()).collect();
        let ids = serde_json::Value::from(ids).to_string();
        let marking = Arc::clone(&self.shared);
        self.shared
            .writer
            .run_light(move |connection| {
                Box::pin(async move {
                    let query = sqlx::query(MARK).bind(marking.clock.now().as_microsecond()).bind(ids);
                    query.execute(connection).await.map(drop).map_err(StoreError::from_driver)
                })
            })
            .await
    }
}

fn pending(found: &SqliteRow) -> Result<OutboxRow, sqlx::Error> {
    let id: i64 = found.try_get_unchecked(0)?;
    Ok(OutboxRow {
        id: OutboxId(u128::from(id.unsigned_abs())),
        topic: row::topic(found.try_get_unchecked(1)?)?,
        message: row::outgoing(found, 2)?,
        born_at: row::time(found.try_get_unchecked(5)?)?,
    })
}
