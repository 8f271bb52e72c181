//! The table of messages: all topics, in the order of their commits.

use std::sync::Arc;

use coherence::Timestamp;
use domain::ports::{BusError, BusMessage, MessageId, Outgoing, Topic};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};

use super::compaction;
use crate::sqlite::database::Shared;
use crate::sqlite::errors::PortError;
use crate::sqlite::row;

/// What a message takes beside its texts, about: row header, two index entries, the fixed columns.
const MESSAGE_OVERHEAD_BYTES: u64 = 96;

/// How many messages one INSERT names: 7 parameters each, of SQLite's 32,766.
const MESSAGES_PER_STATEMENT_MAX: usize = 1_000;

/// Statements for so few messages recur, and stay prepared; larger ones would only fill the cache.
const PREPARED_MESSAGES_MAX: usize = 4;

const LOCK_AND_ROOM: &str = "BEGIN IMMEDIATE; SELECT bus_bytes FROM meta";

pub(in crate::sqlite) const LAST: &str = "SELECT id, key, payload, properties, published_at FROM messages \
                    WHERE topic = ? ORDER BY id DESC LIMIT 1";

const FETCH: &str = "SELECT id, key, payload, properties, published_at FROM messages \
                     WHERE topic = ? AND id > ? ORDER BY id LIMIT ?";

const FETCH_THESE: &str = "SELECT id, key, payload, properties, published_at FROM messages \
                           WHERE topic = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY id";

/// What `message` takes.
pub(in crate::sqlite) fn bytes_of(message: &Outgoing, properties: &str) -> u64 {
    let text = message.key.len() + message.payload.len() + properties.len();
    MESSAGE_OVERHEAD_BYTES + text as u64
}

/// The properties as the table holds them.
pub(in crate::sqlite) fn properties_json(message: &Outgoing) -> String {
    match message.properties.is_empty() {
        true => "{}".to_owned(),
        // serde_json cannot fail on a map of texts.
        false => serde_json::to_string(&message.properties).unwrap_or_else(|_| "{}".to_owned()),
    }
}

/// Whether `messages` still fit beside the bytes that are `used`; the error says what is full.
pub(in crate::sqlite) fn check_room<'m>(
    used: u64,
    messages: impl Iterator<Item = &'m Outgoing>,
    bytes_max: u64,
) -> Result<(), String> {
    let more: u64 = messages.map(|message| bytes_of(message, &properties_json(message))).sum();
    match more > 0 && used.saturating_add(more) > bytes_max {
        true => Err(format!("the topics retain {used} bytes, {bytes_max} are allowed")),
        false => Ok(()),
    }
}

/// Appends the statements that publish `events`, in their order.
pub(in crate::sqlite) fn push_insert(sql: &mut QueryBuilder<Sqlite>, events: &[(Topic, &Outgoing)], at: Timestamp) {
    for chunk in events.chunks(MESSAGES_PER_STATEMENT_MAX) {
        sql.push("INSERT INTO messages (topic, key, payload, properties, published_at, bytes, compacted) ");
        sql.push_values(chunk, |mut columns, (topic, message)| {
            let properties = properties_json(message);
            let bytes = row::signed(bytes_of(message, &properties));
            columns
                .push_bind(topic.name())
                .push_bind(message.key.clone())
                .push_bind(message.payload.to_vec())
                .push_bind(properties)
                .push_bind(at.as_microsecond())
                .push_bind(bytes)
                .push_bind(message.is_compacted());
        });
        sql.push("; ");
    }
}

/// Publishes one message.
pub(super) async fn publish(shared: &Arc<Shared>, topic: Topic, message: Outgoing) -> Result<MessageId, BusError> {
    publish_all(shared, topic, vec![message]).await
}

/// Publishes messages in one transaction; answers the id of the last one.
pub(super) async fn publish_all(
    shared: &Arc<Shared>,
    topic: Topic,
    messages: Vec<Outgoing>,
) -> Result<MessageId, BusError> {
    let publishing = Arc::clone(shared);
    match topic {
        // All that these say stands in the file already, or is asked for again: decision 6.
        Topic::CdcForecasts | Topic::NotificationChanged => {
            shared.writer.run_light(move |connection| Box::pin(write(connection, publishing, topic, messages))).await
        }
        Topic::ForecastUpdated | Topic::ForecastInvalidation | Topic::ForecastCompleted => {
            shared.writer.run(move |connection| Box::pin(write(connection, publishing, topic, messages))).await
        }
    }
}

async fn write(
    connection: &mut SqliteConnection,
    shared: Arc<Shared>,
    topic: Topic,
    messages: Vec<Outgoing>,
) -> Result<MessageId, BusError> {
    let used: i64 =
        sqlx::query_scalar(LOCK_AND_ROOM).fetch_one(&mut *connection).await.map_err(BusError::from_driver)?;
    let used = row::counter(used).map_err(BusError::from_driver)?;
    check_room(used, messages.iter(), shared.config.max_bytes).map_err(BusError::Full)?;
    let events: Vec<_> = messages.iter().map(|message| (topic, message)).collect();
    let mut sql = QueryBuilder::new("");
    push_insert(&mut sql, &events, shared.clock.now());
    compaction::push_delete(&mut sql, topic, &compaction::keys(&messages));
    sql.push("COMMIT");
    let recurs = messages.len() <= PREPARED_MESSAGES_MAX;
    let written = sql.build().persistent(recurs).execute(&mut *connection).await.map_err(BusError::from_driver)?;
    shared.bus.wake(&[topic].into());
    Ok(MessageId(u128::from(written.last_insert_rowid().unsigned_abs())))
}

/// The newest message of `topic`.
pub(super) async fn last(readers: &SqlitePool, topic: Topic) -> Result<Option<BusMessage>, sqlx::Error> {
    let found = sqlx::query(LAST).bind(topic.name()).fetch_optional(readers).await?;
    found.as_ref().map(message).transpose()
}

/// The messages of `topic` after `after`, at most `limit`.
pub(super) async fn fetch(
    readers: &SqlitePool,
    topic: Topic,
    after: MessageId,
    limit: usize,
) -> Result<Vec<BusMessage>, sqlx::Error> {
    let rows = sqlx::query(FETCH)
        .bind(topic.name())
        .bind(position(after))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(readers)
        .await?;
    rows.iter().map(message).collect()
}

/// Those of `ids` that the topic still retains.
pub(super) async fn fetch_these(
    readers: &SqlitePool,
    topic: Topic,
    ids: &[MessageId],
) -> Result<Vec<BusMessage>, sqlx::Error> {
    let ids: Vec<i64> = ids.iter().copied().map(position).collect();
    let rows = sqlx::query(FETCH_THESE)
        .bind(topic.name())
        .bind(serde_json::Value::from(ids).to_string())
        .fetch_all(readers)
        .await?;
    rows.iter().map(message).collect()
}

/// A message's id as the table holds it.
pub(super) fn position(id: MessageId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

fn message(row: &SqliteRow) -> Result<BusMessage, sqlx::Error> {
    let id: i64 = row.try_get_unchecked(0)?;
    Ok(BusMessage {
        id: MessageId(u128::from(id.unsigned_abs())),
        message: row::outgoing(row, 1)?,
        published_at: row::time(row.try_get_unchecked(4)?)?,
        redeliveries: 0,
    })
}
