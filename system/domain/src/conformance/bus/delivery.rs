//! One consumer and its messages: waiting, acknowledging, coming again.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::ports::{Consumer, StartAt, Subscription};

use super::{BusHarness, DEADLINE, exclusive, expect, expect_nothing, join, publish, receive, shared, text};

/// A `select!` drops `next` all the time: nothing is lost and nothing comes twice.
pub async fn next_can_be_dropped_while_it_waits(harness: &mut dyn BusHarness) {
    const MESSAGES: usize = 100;
    let bus = harness.bus();
    let mut consumer = join(&*bus, exclusive("s")).await;
    let publishing = async {
        for n in 0..MESSAGES {
            publish(&*bus, [n.to_string()]).await;
            sleep(Duration::from_micros(700)).await;
        }
    };
    let receiving = async {
        let mut received = Vec::new();
        let begun = Instant::now();
        let mut patience = 0;
        while received.len() < MESSAGES {
            assert!(begun.elapsed() < DEADLINE, "{} of {MESSAGES} arrived", received.len());
            patience = (patience + 137) % 1_500;
            let Ok(next) = timeout(Duration::from_micros(patience), consumer.next()).await else { continue };
            if let crate::ports::Delivery::Message(message) = next.unwrap() {
                consumer.ack(message.id).await.unwrap();
                received.push(text(&message));
            }
        }
        received
    };
    let ((), received) = futures_util::future::join(publishing, receiving).await;
    assert_eq!(received, (0..MESSAGES).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// Not before its time, and counted.
pub async fn a_message_that_is_not_acknowledged_comes_again(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    for subscription in [shared("shared"), exclusive("exclusive")] {
        let mut consumer = join(&*bus, Subscription { start: StartAt::Latest, ..subscription }).await;
        let ids = publish(&*bus, ["a"]).await;
        for redeliveries in 0..3 {
            let begun = Instant::now();
            let received = receive(&mut consumer).await;
            assert_eq!((received.id, received.redeliveries), (ids[0], redeliveries));
            if redeliveries > 0 {
                let waited = begun.elapsed();
                assert!(waited > harness.redelivery_timeout() / 2, "it came again after {waited:?}");
            }
        }
        consumer.ack(ids[0]).await.unwrap();
        expect_nothing(&mut consumer).await;
    }
}

/// Sooner than without a word, and counted.
pub async fn a_message_that_is_given_back_comes_again(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    for subscription in [shared("shared"), exclusive("exclusive")] {
        let mut consumer = join(&*bus, Subscription { start: StartAt::Latest, ..subscription }).await;
        publish(&*bus, ["a"]).await;
        let first = receive(&mut consumer).await;
        consumer.nack(first.id).await.unwrap();
        let begun = Instant::now();
        let second = receive(&mut consumer).await;
        assert_eq!((second.id, second.redeliveries), (first.id, first.redeliveries + 1));
        assert!(begun.elapsed() > harness.redelivery_delay() / 2);
        consumer.ack(second.id).await.unwrap();
        expect_nothing(&mut consumer).await;
    }
}

/// All that was received after it, in order; neither that nor what was never delivered overtakes it.
pub async fn an_ordered_message_that_is_given_back_brings_back_what_follows(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let ids = publish(&*bus, ["1", "2", "3"]).await;
    let mut consumer = join(&*bus, exclusive("s")).await;
    receive_until(&mut consumer, "3").await;
    consumer.nack(ids[0]).await.unwrap();
    publish(&*bus, ["4"]).await;
    for expected in [("1", true), ("2", true), ("3", true), ("4", false)] {
        let received = receive(&mut consumer).await;
        consumer.ack(received.id).await.unwrap();
        assert_eq!((text(&received).as_str(), received.redeliveries > 0), expected);
    }
    expect_nothing(&mut consumer).await;
}

/// Also what was received later, and is not late yet.
pub async fn an_ordered_message_that_is_late_brings_back_what_follows(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    publish(&*bus, ["1", "2", "3"]).await;
    let mut consumer = join(&*bus, exclusive("s")).await;
    receive_until(&mut consumer, "1").await;
    sleep(harness.redelivery_timeout() / 2).await;
    receive_until(&mut consumer, "3").await;
    expect(&mut consumer, &["1"]).await;
    publish(&*bus, ["4"]).await;
    expect(&mut consumer, &["2", "3", "4"]).await;
    expect_nothing(&mut consumer).await;
}

/// Acknowledges nothing. On a slow machine the first messages may come again meanwhile.
async fn receive_until(consumer: &mut Box<dyn Consumer>, last: &str) {
    while text(&receive(consumer).await) != last {}
}

/// Neither after the timeout, nor to another consumer.
pub async fn an_acknowledged_message_does_not_come_again(harness: &mut dyn BusHarness) {
    let bus = harness.bus();
    let mut consumer = join(&*bus, shared("s")).await;
    publish(&*bus, ["a", "b"]).await;
    expect(&mut consumer, &["a", "b"]).await;
    sleep(harness.redelivery_timeout()).await;
    expect_nothing(&mut consumer).await;
    drop(consumer);
    expect_nothing(&mut join(&*bus, shared("s")).await).await;
}
