//! The port.

use std::sync::Arc;

use async_trait::async_trait;
use coherence::Rng;
use domain::ports::{Bus, BusError, BusMessage, Consumer, MessageId, Outgoing, Subscription, Topic};

use super::PulsarConfig;
use super::admin::PulsarAdmin;
use super::consumer::PulsarConsumer;
use super::newest::newest;
use super::places::Places;
use super::producers::Producers;
use crate::outgoing::ClientError;

/// The bus on Pulsar. Clones share everything. It connects when it is used, so it can be made while the broker is away.
#[derive(Clone)]
pub struct PulsarBus {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) config: Arc<PulsarConfig>,
    pub(super) admin: PulsarAdmin,
    pub(super) rng: Arc<dyn Rng>,
    producers: Producers,
    places: Places,
}

impl PulsarBus {
    /// A bus; `rng` spreads the waits of instances that come back together.
    ///
    /// # Errors
    /// The client of the admin API cannot be set up.
    pub fn new(config: PulsarConfig, rng: Arc<dyn Rng>) -> Result<Self, ClientError> {
        let config = Arc::new(config);
        let admin = PulsarAdmin::new(Arc::clone(&config))?;
        let producers = Producers::new(Arc::clone(&config));
        Ok(Self { shared: Arc::new(Shared { config, admin, rng, producers, places: Places::default() }) })
    }

    /// The admin API of its namespace.
    pub fn admin(&self) -> PulsarAdmin {
        self.shared.admin.clone()
    }

    /// Closes in good order: consumers that were dropped are gone afterwards, with their acknowledgements at the broker, and
    /// so are the producers. Bounded.
    pub async fn close(&self) {
        let patience = 2 * self.shared.config.operation_timeout;
        if tokio::time::timeout(patience, self.shared.places.all_left()).await.is_err() {
            tracing::warn!("consumers did not leave in time: what was acknowledged last may come again");
        }
        self.shared.producers.close().await;
    }
}

#[async_trait]
impl Bus for PulsarBus {
    async fn publish(&self, topic: Topic, message: Outgoing) -> Result<MessageId, BusError> {
        self.shared.producers.publish(topic, vec![message]).await?.ok_or(BusError::Closed)
    }

    async fn publish_all(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<(), BusError> {
        self.shared.producers.publish(topic, messages).await.map(drop)
    }

    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError> {
        newest(&self.shared.config, topic).await
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        let place = self.shared.places.take(subscription.topic, &subscription.name).await;
        Ok(Box::new(PulsarConsumer::join(Arc::clone(&self.shared), subscription, place).await?))
    }

    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        // First those who would make it anew; and the broker does not like to delete what is being left.
        self.shared.places.delete(topic, name);
        self.shared.places.left(topic, name).await;
        self.shared.admin.delete_subscription(topic, name).await
    }
}
