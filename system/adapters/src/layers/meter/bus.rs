//! The bus with counts.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{Bus, BusError, BusMessage, Consumer, Delivery, MessageId, Outgoing, Subscription, Topic};

use super::call::{Meter, metered};

/// A bus that tells a meter of every call.
pub struct MeterBus {
    inner: Arc<dyn Bus>,
    meter: Arc<dyn Meter>,
}

impl MeterBus {
    /// Tells `meter` of every call of `inner` and of its consumers.
    pub fn new(inner: Arc<dyn Bus>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl Bus for MeterBus {
    async fn publish(&self, topic: Topic, message: Outgoing) -> Result<MessageId, BusError> {
        metered(&*self.meter, "bus", "publish", self.inner.publish(topic, message)).await
    }

    async fn publish_all(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<(), BusError> {
        metered(&*self.meter, "bus", "publish_all", self.inner.publish_all(topic, messages)).await
    }

    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError> {
        metered(&*self.meter, "bus", "last", self.inner.last(topic)).await
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        let inner = metered(&*self.meter, "bus", "subscribe", self.inner.subscribe(subscription)).await?;
        Ok(Box::new(MeterConsumer { inner, meter: Arc::clone(&self.meter) }))
    }

    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        metered(&*self.meter, "bus", "unsubscribe", self.inner.unsubscribe(topic, name)).await
    }
}

struct MeterConsumer {
    inner: Box<dyn Consumer>,
    meter: Arc<dyn Meter>,
}

#[async_trait]
impl Consumer for MeterConsumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        metered(&*self.meter, "bus", "next", self.inner.next()).await
    }

    async fn ack(&mut self, id: MessageId) -> Result<(), BusError> {
        metered(&*self.meter, "bus", "ack", self.inner.ack(id)).await
    }

    async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        metered(&*self.meter, "bus", "ack_through", self.inner.ack_through(id)).await
    }

    async fn nack(&mut self, id: MessageId) -> Result<(), BusError> {
        metered(&*self.meter, "bus", "nack", self.inner.nack(id)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use domain::ports::{StartAt, SubscriptionKind};

    use super::super::Call;
    use super::*;
    use crate::memory::{MemoryBus, MemoryBusConfig};
    use crate::system::SystemClock;

    #[tokio::test]
    async fn a_refused_call_is_told_by_its_name() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let errors = Arc::clone(&told);
        let bus = Arc::new(MemoryBus::new(MemoryBusConfig::default(), Arc::new(SystemClock)));
        let bus = MeterBus::new(bus, Arc::new(move |call: Call| errors.lock().unwrap().push(call.error)));
        let (topic, kind, start) = (Topic::CdcForecasts, SubscriptionKind::Shared, StartAt::Latest);
        let subscription = Subscription { topic, name: "s".to_owned(), kind, durable: true, start };
        let mut consumer = bus.subscribe(subscription).await.unwrap();
        consumer.ack_through(MessageId(1)).await.unwrap_err();
        assert_eq!(*told.lock().unwrap(), [None, Some("refused")]);
    }
}
