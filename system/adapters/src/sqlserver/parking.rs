//! The parked events.

use async_trait::async_trait;
use domain::model::ForecastId;
use domain::ports::{PARKED_MAX, ParkedEvent, ParkedId, Parking, StoreError};
use tiberius::Row;

use super::SqlServerStore;
use super::errors::{PortError, SqlError};
use super::row::{Columns, properties_json};
use super::statement::{bytes, int, small_int, text, time, uuid, uuid_or_null};
use super::statements::{PARKING_DISCARD, PARKING_GET, PARKING_LIST, PARKING_PARK};

#[async_trait]
impl Parking for SqlServerStore {
    async fn park(&self, event: ParkedEvent) -> Result<(), StoreError> {
        let parked_at = time(event.parked_at).map_err(StoreError::from_sql)?;
        let values = [
            uuid(event.id.0),
            text(event.topic.name()),
            text(&*event.message.key),
            bytes(event.message.payload.to_vec()),
            text(properties_json(&event.message)),
            uuid_or_null(event.entity.map(|entity| entity.0)),
            text(event.reason),
            int(event.attempts.into()),
            parked_at,
            int(i64::try_from(PARKED_MAX).unwrap_or(i64::MAX)),
        ];
        for row in self.shared.rows(&PARKING_PARK, values).await.map_err(StoreError::from_sql)? {
            let mut columns = Columns::of(&row);
            let (id, reason) =
                (columns.id().map_err(StoreError::from_sql)?, columns.text().map_err(StoreError::from_sql)?);
            tracing::warn!(%id, reason, "too many events are parked: the oldest is forgotten");
        }
        Ok(())
    }

    async fn parked(&self, limit: u32) -> Result<Vec<ParkedEvent>, StoreError> {
        let rows = self.shared.rows(&PARKING_LIST, [small_int(limit)]).await.map_err(StoreError::from_sql)?;
        rows.iter().map(|row| event(row).map_err(StoreError::from_sql)).collect()
    }

    async fn get(&self, id: ParkedId) -> Result<Option<ParkedEvent>, StoreError> {
        let rows = self.shared.rows(&PARKING_GET, [uuid(id.0)]).await.map_err(StoreError::from_sql)?;
        rows.first().map(event).transpose().map_err(StoreError::from_sql)
    }

    async fn discard(&self, id: ParkedId) -> Result<bool, StoreError> {
        let changed = self.shared.changed(&PARKING_DISCARD, [uuid(id.0)]).await.map_err(StoreError::from_sql)?;
        Ok(changed > 0)
    }
}

pub(super) fn event(row: &Row) -> Result<ParkedEvent, SqlError> {
    let mut columns = Columns::of(row);
    Ok(ParkedEvent {
        id: ParkedId(columns.id()?),
        topic: columns.topic()?,
        message: columns.outgoing_bytes()?,
        entity: columns.optional_id()?.map(ForecastId),
        reason: columns.string()?,
        attempts: u32::try_from(columns.counter()?).unwrap_or(u32::MAX),
        parked_at: columns.time()?,
    })
}
