//! Several messages at once, the newest of a topic, and messages of which only the newest matters.

use super::{BusHarness, TOPIC, exclusive, expect, expect_nothing, join, publish, receive, shared};
use crate::conformance::samples::message;
use crate::ports::{Bus, COMPACTED, Consumer, MessageId, Outgoing, Topic};

/// In their order, as if they had been published one by one.
pub async fn messages_published_together_arrive_in_order(harness: &mut dyn BusHarness) {
    const MESSAGES: usize = 1_100;
    let bus = harness.bus();
    let mut consumer = join(&*bus, exclusive("s")).await;
    bus.publish_all(TOPIC, Vec::new()).await.unwrap();
    publish(&*bus, ["first"]).await;
    bus.publish_all(TOPIC, (0..MESSAGES).map(|n| message(&n.to_string())).collect()).await.unwrap();
    publish(&*bus, ["last"]).await;
    expect(&mut consumer, &["first"]).await;
    for n in 0..MESSAGES {
        expect(&mut consumer, &[&n.to_string()]).await;
    }
    expect(&mut consumer, &["last"]).await;
    expect_nothing(&mut consumer).await;
}

/// Whoever has read it; each topic has its own.
pub async fn the_newest_message_can_be_asked_for(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    assert_eq!(bus.last(TOPIC).await.unwrap(), None);
    publish(&*bus, ["a"]).await;
    let ids = publish(&*bus, ["b"]).await;
    bus.publish(Topic::ForecastCompleted, message("other")).await.unwrap();
    let mut consumer = join(&*bus, shared("s")).await;
    for _ in 0..2 {
        let last = bus.last(TOPIC).await.unwrap().expect("two were published");
        assert_eq!((last.id, last.message, last.redeliveries), (ids[0], message("b"), 0));
        // Asking takes nothing from the subscription, and its acknowledgements take nothing from the topic.
        let received = receive(&mut consumer).await;
        consumer.ack(received.id).await.unwrap();
    }
    let published_at = bus.last(TOPIC).await.unwrap().map(|last| last.published_at);
    drop((consumer, bus));
    harness.reopen().await;
    let last = harness.bus().last(TOPIC).await.unwrap();
    assert_eq!(last.map(|last| (last.id, last.published_at)), published_at.map(|at| (ids[0], at)));
}

fn compacted(key: &str, text: &str) -> Outgoing {
    let mut message = Outgoing { key: key.to_owned(), ..message(text) };
    message.properties.insert(COMPACTED.to_owned(), "true".to_owned());
    message
}

async fn publish_compacted(bus: &dyn Bus, key: &str, texts: &[&str]) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for text in texts {
        ids.push(bus.publish(TOPIC, compacted(key, text)).await.unwrap());
    }
    ids
}

/// Receives these, which are named by their text.
async fn expect_compacted(consumer: &mut Box<dyn Consumer>, key: &str, texts: &[&str]) {
    for text in texts {
        let received = receive(consumer).await;
        assert_eq!(received.message, compacted(key, text));
        consumer.ack(received.id).await.unwrap();
    }
}

/// Of its own key and kind only.
pub async fn a_compacted_message_replaces_earlier_ones(harness: &mut dyn BusHarness) {
    if !harness.compacts() {
        return;
    }
    let bus = harness.bus();
    publish(&*bus, ["plain"]).await;
    publish_compacted(&*bus, "other", &["x"]).await;
    bus.publish(TOPIC, Outgoing { key: "k".to_owned(), ..message("not marked") }).await.unwrap();
    let mut declined = compacted("k", "declined");
    declined.properties.insert(COMPACTED.to_owned(), "false".to_owned());
    bus.publish(TOPIC, declined.clone()).await.unwrap();
    bus.publish_all(TOPIC, ["1", "2", "3"].map(|text| compacted("k", text)).to_vec()).await.unwrap();
    publish_compacted(&*bus, "k", &["4", "5"]).await;
    let mut consumer = join(&*bus, exclusive("s")).await;
    expect(&mut consumer, &["plain"]).await;
    expect_compacted(&mut consumer, "other", &["x"]).await;
    for message in [Outgoing { key: "k".to_owned(), ..message("not marked") }, declined] {
        let received = receive(&mut consumer).await;
        assert_eq!(received.message, message);
        consumer.ack(received.id).await.unwrap();
    }
    expect_compacted(&mut consumer, "k", &["5"]).await;
    expect_nothing(&mut consumer).await;
    assert_eq!(bus.last(TOPIC).await.unwrap().map(|last| last.message), Some(compacted("k", "5")));
}

/// What a durable subscription has not acknowledged stays, also behind what it has.
pub async fn a_compacted_message_leaves_what_somebody_waits_for(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let (mut all, mut some) = (join(&*bus, shared("all")).await, join(&*bus, shared("some")).await);
    let ids = publish_compacted(&*bus, "k", &["1", "2", "3"]).await;
    expect_compacted(&mut all, "k", &["1", "2", "3"]).await;
    for _ in 0..2 {
        receive(&mut some).await;
    }
    some.ack(ids[1]).await.unwrap();
    drop((all, some, bus));
    // What was acknowledged is written by then.
    harness.reopen().await;
    let bus = harness.bus();
    publish_compacted(&*bus, "k", &["4"]).await;
    let (mut all, mut some) = (join(&*bus, shared("all")).await, join(&*bus, shared("some")).await);
    expect_compacted(&mut some, "k", &["1", "3", "4"]).await;
    expect_nothing(&mut some).await;
    expect_compacted(&mut all, "k", &["4"]).await;
    if harness.compacts() {
        let mut late = join(&*bus, shared("late")).await;
        expect_compacted(&mut late, "k", &["1", "3", "4"]).await;
        expect_nothing(&mut late).await;
    }
}
