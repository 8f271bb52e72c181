//! The port on the open database.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{Bus, BusError, BusMessage, Consumer, MessageId, Outgoing, Subscription, Topic};

use super::state::BusState;
use super::topics;
use crate::sqlite::database::Shared;
use crate::sqlite::errors::PortError;

/// The bus in a SQLite file.
#[derive(Clone)]
pub struct SqliteBus {
    pub(in crate::sqlite) shared: Arc<Shared>,
}

#[async_trait]
impl Bus for SqliteBus {
    async fn publish(&self, topic: Topic, message: Outgoing) -> Result<MessageId, BusError> {
        topics::publish(&self.shared, topic, message).await
    }

    async fn publish_all(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<(), BusError> {
        match messages.is_empty() {
            true => Ok(()),
            false => topics::publish_all(&self.shared, topic, messages).await.map(drop),
        }
    }

    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError> {
        topics::last(&self.shared.readers, topic).await.map_err(BusError::from_driver)
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        let consumer = BusState::subscribe(&self.shared, subscription).await?;
        Ok(Box::new(consumer))
    }

    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        BusState::unsubscribe(&self.shared, topic, name).await
    }
}
