//! A durable subscriber of one topic, as another service would be.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::ports::{Consumer, Delivery, Outgoing, StartAt, Subscription, SubscriptionKind, Topic};
use serde_json::Value;

use super::support::TestApp;

/// A subscription, with the properties of the messages it gave.
pub(super) struct Subscriber {
    topic: Topic,
    consumer: Box<dyn Consumer>,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) key: String,
    pub(super) event: Value,
    pub(super) properties: BTreeMap<String, String>,
}

const END: &str = "end";

impl Subscriber {
    pub(super) async fn of(app: &TestApp, topic: Topic) -> Self {
        let subscription = Subscription {
            topic,
            name: "another-service".to_owned(),
            kind: SubscriptionKind::Exclusive,
            durable: true,
            start: StartAt::Earliest,
        };
        Self { topic, consumer: app.bus().subscribe(subscription).await.unwrap() }
    }

    /// Everything published so far and not seen yet, in order. A message of its own marks the end, so nothing is waited
    /// out.
    pub(super) async fn all(&mut self, app: &TestApp) -> Vec<Seen> {
        let end = Outgoing { key: END.to_owned(), payload: Bytes::from_static(b"{}"), properties: BTreeMap::new() };
        app.bus().publish(self.topic, end).await.unwrap();
        let mut seen = Vec::new();
        loop {
            let Delivery::Message(received) = self.consumer.next().await.unwrap() else { panic!("no message") };
            self.consumer.ack(received.id).await.unwrap();
            assert_eq!(received.redeliveries, 0);
            let Outgoing { key, payload, properties } = received.message;
            if key == END {
                return seen;
            }
            seen.push(Seen { key, event: serde_json::from_slice(&payload).unwrap(), properties });
        }
    }
}

/// Subscribers of the three topics that writes publish to.
pub(super) struct Subscribers {
    pub(super) updated: Subscriber,
    pub(super) invalidation: Subscriber,
    pub(super) completed: Subscriber,
}

impl Subscribers {
    pub(super) async fn of(app: &TestApp) -> Self {
        Self {
            updated: Subscriber::of(app, Topic::ForecastUpdated).await,
            invalidation: Subscriber::of(app, Topic::ForecastInvalidation).await,
            completed: Subscriber::of(app, Topic::ForecastCompleted).await,
        }
    }

    /// How many events came since the last call: updated, invalidation, completed.
    pub(super) async fn counts(&mut self, app: &TestApp) -> [usize; 3] {
        [self.updated.all(app).await.len(), self.invalidation.all(app).await.len(), self.completed.all(app).await.len()]
    }
}
