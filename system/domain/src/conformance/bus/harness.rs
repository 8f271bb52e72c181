//! The harness, and what the cases share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::conformance::samples::message;
use crate::ports::{
    Bus, BusMessage, Consumer, Delivery, MessageId, StartAt, Store, Subscription, SubscriptionKind, Topic,
};

/// What is published must have come by then.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// What has not come by then does not come. A bus that sends something late could pass; one that must not fail here
/// cannot fail.
pub(super) const QUIET: Duration = Duration::from_millis(300);

/// An empty bus, and whatever keeps it alive.
#[async_trait]
pub trait BusHarness: Send + Sync {
    /// The bus, as it is open now.
    fn bus(&self) -> Arc<dyn Bus>;
    /// Closes the adapter in good order and opens it anew on what it holds. No consumer outlives it.
    async fn reopen(&mut self);
    /// A store whose commits publish on this bus, if there is one.
    fn store(&self) -> Option<Arc<dyn Store>>;
    /// When a message comes again that nobody acknowledged: some hundred milliseconds, better not more.
    fn redelivery_timeout(&self) -> Duration;
    /// When a message comes again that was given back: much less.
    fn redelivery_delay(&self) -> Duration;
    /// Whether a compacted message replaces others as soon as it is published.
    fn compacts(&self) -> bool {
        true
    }
}

/// The topic of tests that need one.
pub(super) const TOPIC: Topic = Topic::ForecastUpdated;

pub(super) fn subscription(name: &str, kind: SubscriptionKind, start: StartAt) -> Subscription {
    Subscription { topic: TOPIC, name: name.to_owned(), kind, durable: true, start }
}

pub(super) fn shared(name: &str) -> Subscription {
    subscription(name, SubscriptionKind::Shared, StartAt::Earliest)
}

pub(super) fn exclusive(name: &str) -> Subscription {
    subscription(name, SubscriptionKind::Exclusive, StartAt::Earliest)
}

pub(super) async fn publish(bus: &dyn Bus, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for text in texts {
        ids.push(bus.publish(TOPIC, message(text.as_ref())).await.unwrap());
    }
    ids
}

pub(super) async fn join(bus: &dyn Bus, subscription: Subscription) -> Box<dyn Consumer> {
    bus.subscribe(subscription).await.unwrap()
}

/// The next message; news of the connection are not this suite's matter.
pub(super) async fn receive(consumer: &mut Box<dyn Consumer>) -> BusMessage {
    let next = async {
        loop {
            if let Delivery::Message(message) = consumer.next().await.unwrap() {
                return message;
            }
        }
    };
    timeout(DEADLINE, next).await.expect("a message was published, and did not arrive")
}

/// The text of the next message, which is acknowledged.
pub(super) async fn take(consumer: &mut Box<dyn Consumer>) -> String {
    let received = receive(consumer).await;
    consumer.ack(received.id).await.unwrap();
    text(&received)
}

pub(super) fn text(received: &BusMessage) -> String {
    let text = received.message.key.strip_prefix("key-").expect("a message of this suite").to_owned();
    assert_eq!(received.message, message(&text));
    text
}

pub(super) async fn expect(consumer: &mut Box<dyn Consumer>, texts: &[&str]) {
    for expected in texts {
        assert_eq!(take(consumer).await, *expected);
    }
}

pub(super) async fn expect_nothing(consumer: &mut Box<dyn Consumer>) {
    if let Ok(delivery) = timeout(QUIET, consumer.next()).await {
        panic!("nothing was due, and yet: {delivery:?}");
    }
}
