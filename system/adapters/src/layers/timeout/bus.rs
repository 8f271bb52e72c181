//! The bus with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Bus, BusError, BusMessage, Consumer, Delivery, MessageId, Outgoing, Subscription, Topic};

use super::deadline::within;

/// A bus whose every call ends by the deadline, save that a consumer waits for its next message as long as it takes.
pub struct TimeoutBus {
    inner: Arc<dyn Bus>,
    deadline: Duration,
}

impl TimeoutBus {
    /// Puts `deadline` on every call of `inner` and of its consumers.
    pub fn new(inner: Arc<dyn Bus>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl Bus for TimeoutBus {
    async fn publish(&self, topic: Topic, message: Outgoing) -> Result<MessageId, BusError> {
        within(self.deadline, self.inner.publish(topic, message)).await
    }

    async fn publish_all(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<(), BusError> {
        within(self.deadline, self.inner.publish_all(topic, messages)).await
    }

    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError> {
        within(self.deadline, self.inner.last(topic)).await
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        let inner = within(self.deadline, self.inner.subscribe(subscription)).await?;
        Ok(Box::new(TimeoutConsumer { inner, deadline: self.deadline }))
    }

    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        within(self.deadline, self.inner.unsubscribe(topic, name)).await
    }
}

struct TimeoutConsumer {
    inner: Box<dyn Consumer>,
    deadline: Duration,
}

#[async_trait]
impl Consumer for TimeoutConsumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        self.inner.next().await
    }

    async fn ack(&mut self, id: MessageId) -> Result<(), BusError> {
        within(self.deadline, self.inner.ack(id)).await
    }

    async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        within(self.deadline, self.inner.ack_through(id)).await
    }

    async fn nack(&mut self, id: MessageId) -> Result<(), BusError> {
        within(self.deadline, self.inner.nack(id)).await
    }
}
