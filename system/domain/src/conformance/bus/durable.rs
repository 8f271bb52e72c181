//! Cursors that outlive their consumers.

use tokio::time::timeout;

use super::{
    BusHarness, DEADLINE, TOPIC, exclusive, expect, expect_nothing, join, publish, receive, shared, subscription, text,
};
use crate::ports::{BusError, StartAt, SubscriptionKind};

/// Also out of order; what came meanwhile is there.
pub async fn a_cursor_outlives_its_consumers(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let ids = publish(&*bus, ["a", "b", "c", "d"]).await;
    let mut consumer = join(&*bus, shared("s")).await;
    for _ in 0..3 {
        receive(&mut consumer).await;
    }
    consumer.ack(ids[0]).await.unwrap();
    consumer.ack(ids[2]).await.unwrap();
    drop(consumer);
    publish(&*bus, ["e"]).await;
    let mut consumer = join(&*bus, shared("s")).await;
    expect(&mut consumer, &["b", "d", "e"]).await;
    expect_nothing(&mut consumer).await;
}

/// Nothing that was acknowledged comes again after a close in good order, and nothing else is lost.
pub async fn a_cursor_outlives_the_adapter(harness: &mut dyn BusHarness) {
    for round in 0..2 {
        let bus = harness.bus();
        let name = |text: &str| format!("{round}{text}");
        let latest = |name: &str, kind| subscription(name, kind, StartAt::Latest);
        let mut consumer = join(&*bus, latest("shared", SubscriptionKind::Shared)).await;
        let mut ordered = join(&*bus, latest("exclusive", SubscriptionKind::Exclusive)).await;
        let ids = publish(&*bus, ["a", "b", "c"].map(name)).await;
        for _ in 0..3 {
            receive(&mut consumer).await;
            receive(&mut ordered).await;
        }
        consumer.ack(ids[0]).await.unwrap();
        consumer.ack(ids[2]).await.unwrap();
        ordered.ack_through(ids[1]).await.unwrap();
        drop((consumer, ordered, bus));
        harness.reopen().await;
        let bus = harness.bus();
        publish(&*bus, [name("d")]).await;
        // An existing subscription goes on from its cursor, wherever a new one would start.
        let mut consumer = join(&*bus, latest("shared", SubscriptionKind::Shared)).await;
        let mut ordered = join(&*bus, latest("exclusive", SubscriptionKind::Exclusive)).await;
        expect(&mut consumer, &[&name("b"), &name("d")]).await;
        expect(&mut ordered, &[&name("c"), &name("d")]).await;
        expect_nothing(&mut consumer).await;
        expect_nothing(&mut ordered).await;
    }
}

/// The ones after it come again to a successor.
pub async fn acknowledging_through_a_message_includes_all_before(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let ids = publish(&*bus, ["a", "b", "c", "d", "e"]).await;
    let mut consumer = join(&*bus, exclusive("s")).await;
    for _ in 0..4 {
        receive(&mut consumer).await;
    }
    consumer.ack_through(ids[2]).await.unwrap();
    drop(consumer);
    let mut consumer = join(&*bus, exclusive("s")).await;
    expect(&mut consumer, &["d", "e"]).await;
    expect_nothing(&mut consumer).await;
}

/// Its consumers are told, its cursor is gone, and a name that nobody has is no error.
pub async fn a_subscription_can_be_deleted(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    bus.unsubscribe(TOPIC, "never").await.unwrap();
    publish(&*bus, ["a", "b"]).await;
    let mut consumer = join(&*bus, shared("s")).await;
    expect(&mut consumer, &["a", "b"]).await;
    bus.unsubscribe(TOPIC, "s").await.unwrap();
    let closed = timeout(DEADLINE, consumer.next()).await.expect("the consumer is told");
    assert!(matches!(closed, Err(BusError::Closed)), "{closed:?}");
    drop(consumer);
    let mut anew = join(&*bus, shared("s")).await;
    let received = receive(&mut anew).await;
    assert_eq!((text(&received), received.redeliveries), ("a".to_owned(), 0));
}
