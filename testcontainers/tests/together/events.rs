//! What others are told: each commit leaves events of its own (`forecast:updated`, `forecast:invalidation`), which no cache
//! of ours needs, so that no other check would miss them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::pulsar::{PulsarBus, PulsarConfig};
use adapters::system::SystemRng;
use containers::check::Version;
use domain::ports::{Bus, Consumer, Delivery, StartAt, Subscription, SubscriptionKind, Topic};
use serde_json::Value;
use uuid::Uuid;

/// What is looked at, and the first version of a forecast of which it tells: of the first there is no change to tell.
const TOPICS: [(Topic, u64); 2] = [(Topic::ForecastUpdated, 2), (Topic::ForecastInvalidation, 1)];

/// A consumer whose backlog Pulsar keeps: what all others have acknowledged it may forget.
async fn consumer(config: &PulsarConfig, topic: Topic) -> Box<dyn Consumer> {
    let bus = PulsarBus::new(config.clone(), Arc::new(SystemRng::default())).unwrap();
    let subscription = Subscription {
        topic,
        name: "audit".to_owned(),
        kind: SubscriptionKind::Exclusive,
        durable: true,
        start: StartAt::Earliest,
    };
    bus.subscribe(subscription).await.unwrap()
}

/// From here on everything is kept until it is read.
pub(crate) async fn keep(config: &PulsarConfig) {
    for (topic, _) in TOPICS {
        drop(consumer(config, topic).await);
    }
}

/// Reads the topics from their beginning until each version of each forecast in `store` was told of; repetitions are
/// allowed, holes are not. Every commit here raises a version by one, and nothing is deleted.
pub(crate) async fn all_were_published(config: &PulsarConfig, store: &[(Uuid, Version, u64)], within: Duration) {
    for (topic, first) in TOPICS {
        let versions = |(id, version, _): &(Uuid, Version, u64)| {
            let id = *id;
            (first..=version.id).map(move |version| (id, version))
        };
        let mut missing: BTreeSet<(Uuid, u64)> = store.iter().flat_map(versions).collect();
        let (due, begun) = (missing.len(), Instant::now());
        let mut consumer = consumer(config, topic).await;
        while !missing.is_empty() {
            let left = within.saturating_sub(begun.elapsed());
            let Ok(next) = tokio::time::timeout(left, consumer.next()).await else {
                panic!("{topic}: {} of {due} changes were never published: {missing:?}", missing.len());
            };
            let Delivery::Message(message) = next.unwrap() else { continue };
            missing.remove(&told(topic, &message.message.payload));
            consumer.ack(message.id).await.unwrap();
        }
    }
}

/// The forecast and its version, as the specification's JSON has them.
fn told(topic: Topic, payload: &[u8]) -> (Uuid, u64) {
    let event: Value = serde_json::from_slice(payload).unwrap();
    let (id, version) = match topic {
        Topic::ForecastUpdated => (&event["data"]["forecastId"], &event["data"]["currentVersionId"]),
        _ => (&event["entityId"], &event["versionId"]),
    };
    (id.as_str().unwrap().parse().unwrap(), version.as_u64().unwrap())
}
