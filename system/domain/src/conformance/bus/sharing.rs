//! Several consumers.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    BusHarness, QUIET, exclusive, expect, expect_nothing, join, publish, receive, shared, subscription, take, text,
};
use crate::ports::{BusError, Delivery, StartAt, Subscription, SubscriptionKind};

/// All messages, each once, whoever gets it; none of them starves the other.
pub async fn a_shared_message_goes_to_one_consumer(harness: &mut dyn BusHarness) {
    const MESSAGES: usize = 200;
    let bus = harness.bus();
    let mut consumers = [join(&*bus, shared("s")).await, join(&*bus, shared("s")).await];
    publish(&*bus, (0..MESSAGES).map(|n| n.to_string())).await;
    // In turns, so that each of them asks.
    let mut seen = Vec::new();
    while seen.len() < MESSAGES {
        let before = seen.len();
        for consumer in &mut consumers {
            let Ok(next) = timeout(QUIET, consumer.next()).await else { continue };
            if let Delivery::Message(message) = next.unwrap() {
                consumer.ack(message.id).await.unwrap();
                seen.push(text(&message).parse::<usize>().unwrap());
            }
        }
        assert!(seen.len() > before, "{} of {MESSAGES} came", seen.len());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..MESSAGES).collect::<Vec<_>>());
    for consumer in &mut consumers {
        expect_nothing(consumer).await;
    }
}

/// At once, not after the timeout.
pub async fn a_consumer_that_goes_leaves_its_messages_to_others(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let mut first = join(&*bus, shared("s")).await;
    publish(&*bus, ["a", "b", "c"]).await;
    for _ in 0..2 {
        receive(&mut first).await;
    }
    let mut second = join(&*bus, shared("s")).await;
    drop(first);
    let mut seen = [take(&mut second).await, take(&mut second).await, take(&mut second).await];
    seen.sort_unstable();
    assert_eq!(seen, ["a", "b", "c"]);
    expect_nothing(&mut second).await;
}

/// One receives, in order; the next one takes over where it stopped, also if it waited already.
pub async fn an_exclusive_consumer_has_a_successor(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let mut first = join(&*bus, exclusive("s")).await;
    publish(&*bus, ["a", "b", "c"]).await;
    expect(&mut first, &["a"]).await;
    let mut second = join(&*bus, exclusive("s")).await;
    expect_nothing(&mut second).await;
    assert_eq!(text(&receive(&mut first).await), "b");
    let waiting = async { take(&mut second).await };
    let leaving = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(first);
    };
    let (taken, ()) = futures_util::future::join(waiting, leaving).await;
    assert_eq!(taken, "b");
    expect(&mut second, &["c"]).await;
    publish(&*bus, ["d"]).await;
    expect(&mut second, &["d"]).await;
    expect_nothing(&mut second).await;
}

/// A consumer of another kind, and acknowledging all before a message where nobody knows what is before it. Neither
/// disturbs who is there.
pub async fn what_does_not_fit_the_subscription_is_refused(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let mut sharing = join(&*bus, shared("shared")).await;
    let mut ordered = join(&*bus, exclusive("exclusive")).await;
    let ids = publish(&*bus, ["a"]).await;
    receive(&mut sharing).await;
    for refused in [
        bus.subscribe(exclusive("shared")).await.map(drop),
        bus.subscribe(shared("exclusive")).await.map(drop),
        sharing.ack_through(ids[0]).await,
    ] {
        assert!(matches!(&refused, Err(error @ BusError::Refused(_)) if !error.is_retryable()), "{refused:?}");
    }
    // Nothing was acknowledged.
    expect(&mut sharing, &["a"]).await;
    expect(&mut ordered, &["a"]).await;
}

fn passing(name: &str) -> Subscription {
    let latest = subscription(name, SubscriptionKind::Exclusive, StartAt::Latest);
    Subscription { durable: false, ..latest }
}

/// The fan-out of `forecast:invalidation`.
pub async fn passing_subscriptions_receive_everything_each(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    publish(&*bus, ["before"]).await;
    let mut consumers = Vec::new();
    for name in ["one", "two", "three"] {
        consumers.push(join(&*bus, passing(name)).await);
    }
    publish(&*bus, ["a", "b"]).await;
    for consumer in &mut consumers {
        expect(consumer, &["a", "b"]).await;
        expect_nothing(consumer).await;
    }
}

/// What came while nobody was there is not waiting.
pub async fn a_passing_subscription_ends_with_its_consumer(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let mut consumer = join(&*bus, passing("s")).await;
    publish(&*bus, ["a"]).await;
    receive(&mut consumer).await;
    drop(consumer);
    publish(&*bus, ["b"]).await;
    let mut consumer = join(&*bus, passing("s")).await;
    publish(&*bus, ["c"]).await;
    expect(&mut consumer, &["c"]).await;
    expect_nothing(&mut consumer).await;
}
