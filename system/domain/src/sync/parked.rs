//! What operators do with parked events.

use std::sync::Arc;

use coherence::{Tag, WallClock};

use crate::event::{CacheInvalidation, CdcMessage, Event, EventError};
use crate::ports::{Bus, BusError, Ids, ParkedEvent, ParkedId, Parking, StoreError, Topic};

/// Why an operator's wish was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ParkedDeskError {
    /// The parking failed.
    #[error("the parked events cannot be reached")]
    Parking(#[from] StoreError),
    /// The bus failed; the event stays parked.
    #[error("the instances cannot be told")]
    Bus(#[from] BusError),
    /// The message to the instances cannot be written.
    #[error("the instances cannot be told")]
    Event(#[from] EventError),
}

impl ParkedDeskError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Parking(error) => error.is_retryable(),
            Self::Bus(error) => error.is_retryable(),
            Self::Event(_) => false,
        }
    }
}

/// The parked events, for operators. It works in every instance, whoever holds the sync's lease.
///
/// When an event is parked its key is right already: the floor rose, the value went, whoever held the thing fetched it. So
/// a retry does not send the event again (it may be old by now, and is poison still): it makes every instance read the
/// store, by an invalidation without a version, which is a barrier. That is right whatever happened since.
#[derive(Clone)]
pub struct ParkedDesk {
    parking: Arc<dyn Parking>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn WallClock>,
    ids: Arc<dyn Ids>,
}

impl ParkedDesk {
    /// The desk over these ports.
    pub fn new(parking: Arc<dyn Parking>, bus: Arc<dyn Bus>, clock: Arc<dyn WallClock>, ids: Arc<dyn Ids>) -> Self {
        Self { parking, bus, clock, ids }
    }

    /// The events, the last one parked first, at most `limit`.
    ///
    /// # Errors
    /// [`ParkedDeskError::Parking`].
    pub async fn list(&self, limit: u32) -> Result<Vec<ParkedEvent>, ParkedDeskError> {
        Ok(self.parking.parked(limit).await?)
    }

    /// Makes every instance read the forecast of this event anew, and the lists that may show it, then forgets the event;
    /// all that instances hold, if nobody knows which forecast it was. `false`: there is no such event.
    ///
    /// # Errors
    /// [`ParkedDeskError`]; the event is parked still, or gone, and the instances may have been told: repeat it.
    pub async fn retry(&self, id: ParkedId) -> Result<bool, ParkedDeskError> {
        let Some(parked) = self.parking.get(id).await? else { return Ok(false) };
        if parked.topic != Topic::CdcForecasts {
            // An event of the outbox, which its bus refused: it goes out as it was born.
            self.bus.publish(parked.topic, parked.message).await?;
            return Ok(self.parking.discard(id).await?);
        }
        let (event_id, now) = (self.ids.event_id(), self.clock.now());
        let told = match (parked.entity, CdcMessage::read(&parked.message.payload)) {
            (Some(entity), Ok(CdcMessage::Change(change))) if change.tags_complete => {
                let tags: Vec<Tag> = change.tags.iter().filter_map(|tag| Tag::new(tag.as_str()).ok()).collect();
                CacheInvalidation::evict_key(event_id, entity, &tags, now)
            }
            // Nobody knows which lists may show it.
            _ => CacheInvalidation::evict_all(event_id, now),
        };
        let message = told.outbox(&Default::default())?.message;
        self.bus.publish(Topic::ForecastInvalidation, message).await?;
        Ok(self.parking.discard(id).await?)
    }

    /// Forgets the event; `false`: there is no such event.
    ///
    /// # Errors
    /// [`ParkedDeskError::Parking`].
    pub async fn discard(&self, id: ParkedId) -> Result<bool, ParkedDeskError> {
        Ok(self.parking.discard(id).await?)
    }
}
