//! Publishing and its order.

use super::{BusHarness, TOPIC, exclusive, expect, expect_nothing, join, publish, receive, subscription, take, text};
use crate::conformance::samples::message;
use crate::ports::{Outgoing, StartAt, Subscription, SubscriptionKind, Topic};

/// Key, body and properties, any text in them; its id is the one that publishing answered.
pub async fn a_message_arrives_as_it_was_published(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let mut consumer = join(&*bus, exclusive("s")).await;
    let mut odd =
        Outgoing { key: "ключ '\"\\".to_owned(), payload: "{\"a\":\"\\u0000 ü\\n\"}".into(), ..message("x") };
    for published in [
        odd.clone(),
        {
            odd.properties.clear();
            odd
        },
        message("plain"),
    ] {
        let id = bus.publish(TOPIC, published.clone()).await.unwrap();
        let received = receive(&mut consumer).await;
        assert_eq!((received.id, &received.message, received.redeliveries), (id, &published, 0));
        consumer.ack(id).await.unwrap();
    }
}

/// Each topic has its own; ids rise within it.
pub async fn topics_keep_the_order_of_publishing(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let topics = [Topic::ForecastUpdated, Topic::ForecastInvalidation];
    let mut published = [Vec::new(), Vec::new()];
    for n in 0..10 {
        for (topic, ids) in topics.iter().zip(&mut published) {
            ids.push(bus.publish(*topic, message(&n.to_string())).await.unwrap());
        }
    }
    for (topic, ids) in topics.into_iter().zip(&published) {
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        let mut consumer = join(&*bus, Subscription { topic, ..exclusive("s") }).await;
        for (n, id) in ids.iter().enumerate() {
            let received = receive(&mut consumer).await;
            assert_eq!((received.id, text(&received)), (*id, n.to_string()));
        }
    }
}

/// Earliest begins with the first.
pub async fn latest_begins_after_the_last_message(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    publish(&*bus, ["before"]).await;
    let mut latest = join(&*bus, subscription("latest", SubscriptionKind::Shared, StartAt::Latest)).await;
    let mut earliest = join(&*bus, subscription("earliest", SubscriptionKind::Shared, StartAt::Earliest)).await;
    let passing = Subscription { durable: false, ..exclusive("passing earliest") };
    let mut passing = join(&*bus, passing).await;
    publish(&*bus, ["after"]).await;
    expect(&mut latest, &["after"]).await;
    expect(&mut earliest, &["before", "after"]).await;
    expect(&mut passing, &["before", "after"]).await;
    // Where a subscription starts matters only once.
    drop(latest);
    publish(&*bus, ["later"]).await;
    let mut latest = join(&*bus, subscription("latest", SubscriptionKind::Shared, StartAt::Latest)).await;
    expect(&mut latest, &["later"]).await;
    expect_nothing(&mut latest).await;
}

/// More than any window holds, while they are published.
pub async fn many_messages_arrive_in_order(harness: &mut dyn BusHarness) {
    const MESSAGES: usize = 1_200;
    let bus = harness.bus();
    let mut consumer = join(&*bus, exclusive("s")).await;
    let publishing = publish(&*bus, (0..MESSAGES).map(|n| n.to_string()));
    let receiving = async {
        for n in 0..MESSAGES {
            assert_eq!(take(&mut consumer).await, n.to_string());
        }
    };
    futures_util::future::join(publishing, receiving).await;
    expect_nothing(&mut consumer).await;
}
