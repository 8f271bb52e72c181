//! Durable cursors: created at once, written together after a short while.
//!
//! A cursor is behind what was acknowledged by [`SqliteConfig::flush_interval`](super::super::SqliteConfig) at most: a
//! crash in between means a redelivery, never a loss.

use std::sync::Arc;

use domain::ports::{BusError, MessageId, StartAt, Topic};
use sqlx::sqlite::SqlitePool;

use super::subscription::Subscribed;
use super::topics::position;
use super::window::Saved;
use crate::sqlite::database::Shared;
use crate::sqlite::errors::PortError;
use crate::sqlite::row;

/// The last message of all topics; the counter outlives the messages.
const LATEST: &str = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages'";

const CREATE: &str = "INSERT INTO subscriptions (topic, name, cursor) \
     SELECT ?1, ?2, CASE WHEN ?3 THEN coalesce(max(seq), 0) ELSE 0 END FROM sqlite_sequence WHERE name = 'messages' \
     ON CONFLICT (topic, name) DO NOTHING";

const DELETE: &str = "DELETE FROM subscriptions WHERE topic = ? AND name = ?";

const LOAD: &str = "SELECT cursor, unacked FROM subscriptions WHERE topic = ? AND name = ?";

const SAVE: &str = "UPDATE subscriptions SET cursor = (j.value ->> 2), unacked = (j.value -> 3) FROM json_each(?) j \
                    WHERE topic = (j.value ->> 0) AND name = (j.value ->> 1)";

/// Where a subscription that is not durable starts.
pub(super) async fn start(readers: &SqlitePool, at: StartAt) -> Result<MessageId, BusError> {
    match at {
        StartAt::Earliest => Ok(MessageId(0)),
        StartAt::Latest => {
            let latest: i64 = sqlx::query_scalar(LATEST).fetch_one(readers).await.map_err(BusError::from_driver)?;
            Ok(MessageId(u128::from(latest.unsigned_abs())))
        }
    }
}

/// Creates a durable subscription, unless it is there.
pub(super) async fn create(shared: &Shared, topic: Topic, name: &str, at: StartAt) -> Result<(), BusError> {
    let name = name.to_owned();
    shared
        .writer
        .run(move |connection| {
            Box::pin(async move {
                let created = sqlx::query(CREATE).bind(topic.name()).bind(name).bind(at == StartAt::Latest);
                created.execute(connection).await.map(drop).map_err(BusError::from_driver)
            })
        })
        .await
}

/// Deletes a durable subscription, if it is there.
pub(super) async fn delete(shared: &Shared, topic: Topic, name: &str) -> Result<(), BusError> {
    let name = name.to_owned();
    shared
        .writer
        .run(move |connection| {
            Box::pin(async move {
                let deleted = sqlx::query(DELETE).bind(topic.name()).bind(name);
                deleted.execute(connection).await.map(drop).map_err(BusError::from_driver)
            })
        })
        .await
}

/// What is written about a durable subscription; `None` if it is deleted.
pub(super) async fn load(readers: &SqlitePool, topic: Topic, name: &str) -> Result<Option<Saved>, BusError> {
    let found: Option<(i64, String)> = sqlx::query_as(LOAD)
        .bind(topic.name())
        .bind(name)
        .fetch_optional(readers)
        .await
        .map_err(BusError::from_driver)?;
    let Some((cursor, unacked)) = found else { return Ok(None) };
    let cursor = row::counter(cursor).map_err(BusError::from_driver)?;
    let unacked: Vec<(u64, u32)> = serde_json::from_str(&unacked)
        .map_err(|error| BusError::Corrupt(format!("the subscription {name}: {error}")))?;
    let unacked = unacked.into_iter().map(|(id, count)| (MessageId(u128::from(id)), count)).collect();
    Ok(Some(Saved { cursor: MessageId(u128::from(cursor)), unacked }))
}

/// Writes the cursors of `subscriptions` that changed, all in one statement. The caller sees to it that one writes at a
/// time.
pub(super) async fn flush(shared: &Shared, subscriptions: &[Arc<Subscribed>]) -> Result<(), BusError> {
    let unwritten: Vec<_> = subscriptions.iter().filter_map(|each| Some((each, each.take_unwritten()?))).collect();
    if unwritten.is_empty() {
        return Ok(());
    }
    let parameter: Vec<_> = unwritten
        .iter()
        .map(|(each, saved)| {
            let unacked: Vec<_> = saved.unacked.iter().map(|(id, count)| (position(*id), count)).collect();
            serde_json::json!([each.topic.name(), each.name, position(saved.cursor), unacked])
        })
        .collect();
    let parameter = serde_json::Value::Array(parameter).to_string();
    let outcome = shared
        .writer
        .run_light(move |connection| {
            Box::pin(async move {
                let saved = sqlx::query(SAVE).bind(parameter).execute(connection).await;
                saved.map(drop).map_err(BusError::from_driver)
            })
        })
        .await;
    if outcome.is_err() {
        unwritten.iter().for_each(|(each, _)| each.not_written());
    }
    outcome
}
