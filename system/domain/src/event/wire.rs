//! How an event travels.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::{OutboxEvent, Outgoing, Topic};

/// A body that is not the event it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event cannot be read: {0}")]
pub struct EventError(String);

impl EventError {
    pub(super) fn new(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// An event that travels on one topic.
pub trait Event: Serialize + DeserializeOwned {
    /// The topic.
    const TOPIC: Topic;

    /// What messages are ordered by: the forecast.
    fn key(&self) -> String;

    /// The event as a row of the outbox. `properties` travel beside the body.
    ///
    /// # Errors
    /// [`EventError`] if the event has no JSON form, which no event of this module can bring about.
    fn outbox(&self, properties: &BTreeMap<String, String>) -> Result<OutboxEvent, EventError> {
        let payload = serde_json::to_vec(self).map_err(EventError::new)?;
        let message = Outgoing { key: self.key(), payload: Bytes::from(payload), properties: properties.clone() };
        Ok(OutboxEvent { topic: Self::TOPIC, message })
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// [`EventError`] if it is not this event.
    fn read(payload: &[u8]) -> Result<Self, EventError> {
        serde_json::from_slice(payload).map_err(EventError::new)
    }
}
