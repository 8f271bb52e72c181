//! The parked events.

use async_trait::async_trait;
use domain::ports::{PARKED_MAX, ParkedEvent, ParkedId, Parking, StoreError};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::bus::topics;
use super::errors::PortError;
use super::row;

/// One statement each for the event and for what has to go, which is answered.
const PARK: &str = "BEGIN IMMEDIATE; \
     INSERT INTO parked (id, topic, key, payload, properties, entity, reason, attempts, parked_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING; \
     DELETE FROM parked WHERE position IN (SELECT position FROM parked ORDER BY position DESC LIMIT -1 OFFSET ?10) \
     RETURNING lower(hex(id)), reason; \
     COMMIT";

const LIST: &str = "SELECT id, topic, key, payload, properties, entity, reason, attempts, parked_at FROM parked \
                    ORDER BY position DESC LIMIT ?";

const GET: &str = "SELECT id, topic, key, payload, properties, entity, reason, attempts, parked_at FROM parked \
                   WHERE id = ?";

const DISCARD: &str = "DELETE FROM parked WHERE id = ?";

#[async_trait]
impl Parking for SqliteStore {
    async fn park(&self, event: ParkedEvent) -> Result<(), StoreError> {
        let gone = self.shared.writer.run(move |connection| {
            Box::pin(async move {
                sqlx::query_as::<_, (String, String)>(PARK)
                    .bind(row::blob(event.id.0))
                    .bind(event.topic.name())
                    .bind(event.message.key.clone())
                    .bind(event.message.payload.to_vec())
                    .bind(topics::properties_json(&event.message))
                    .bind(event.entity.map(|entity| row::blob(entity.0)))
                    .bind(event.reason)
                    .bind(i64::from(event.attempts))
                    .bind(event.parked_at.as_microsecond())
                    .bind(i64::try_from(PARKED_MAX).unwrap_or(i64::MAX))
                    .fetch_all(connection)
                    .await
                    .map_err(StoreError::from_driver)
            })
        });
        for (id, reason) in gone.await? {
            tracing::warn!(id, reason, "too many events are parked: the oldest is forgotten");
        }
        Ok(())
    }

    async fn parked(&self, limit: u32) -> Result<Vec<ParkedEvent>, StoreError> {
        let query = sqlx::query(LIST).bind(i64::from(limit));
        let rows = query.fetch_all(&self.shared.readers).await.map_err(StoreError::from_driver)?;
        rows.iter().map(|row| event(row).map_err(StoreError::from_driver)).collect()
    }

    async fn get(&self, id: ParkedId) -> Result<Option<ParkedEvent>, StoreError> {
        let query = sqlx::query(GET).bind(row::blob(id.0));
        let found = query.fetch_optional(&self.shared.readers).await.map_err(StoreError::from_driver)?;
        found.as_ref().map(event).transpose().map_err(StoreError::from_driver)
    }

    async fn discard(&self, id: ParkedId) -> Result<bool, StoreError> {
        let discarded = self.shared.writer.run(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(DISCARD).bind(row::blob(id.0));
                let deleted = query.execute(connection).await.map_err(StoreError::from_driver)?;
                Ok(deleted.rows_affected() > 0)
            })
        });
        discarded.await
    }
}

fn event(found: &SqliteRow) -> Result<ParkedEvent, sqlx::Error> {
    let attempts = row::counter(found.try_get_unchecked(7)?)?;
    Ok(ParkedEvent {
        id: ParkedId(row::id(found, 0)?),
        topic: row::topic(found.try_get_unchecked(1)?)?,
        message: row::outgoing(found, 2)?,
        entity: row::optional_id(found, 5)?.map(domain::model::ForecastId),
        reason: found.try_get_unchecked(6)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        parked_at: row::time(found.try_get_unchecked(8)?)?,
    })
}
