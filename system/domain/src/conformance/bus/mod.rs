//! What a [`Bus`] must do.

mod delivery;
mod durable;
mod outbox;
mod sharing;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

pub use delivery::*;
pub use durable::*;
pub use outbox::*;
pub use sharing::*;
pub use topics::*;

use super::case;
use super::samples::message;
use crate::ports::{
    Bus, BusMessage, Consumer, Delivery, MessageId, StartAt, Store, Subscription, SubscriptionKind, Topic,
};

/// What is published must have come by then.
const DEADLINE: Duration = Duration::from_secs(20);

/// What has not come by then does not come. A bus that sends something late could pass; one that must not fail here
/// cannot fail.
const QUIET: Duration = Duration::from_millis(300);

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
}

/// Runs every case, each on a bus of its own.
pub async fn run_all<H: BusHarness>(make: impl AsyncFn() -> H) {
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $({
                let mut harness = make().await;
                case(stringify!($case), $case(&mut harness)).await;
            })*
        };
    }
    cases![
        a_message_arrives_as_it_was_published,
        topics_keep_the_order_of_publishing,
        latest_begins_after_the_last_message,
        many_messages_arrive_in_order,
        next_can_be_dropped_while_it_waits,
        a_message_that_is_not_acknowledged_comes_again,
        a_message_that_is_given_back_comes_again,
        an_acknowledged_message_does_not_come_again,
        a_cursor_outlives_its_consumers,
        a_cursor_outlives_the_adapter,
        acknowledging_through_a_message_includes_all_before,
        a_subscription_can_be_deleted,
        a_shared_message_goes_to_one_consumer,
        a_consumer_that_goes_leaves_its_messages_to_others,
        an_exclusive_consumer_has_a_successor,
        passing_subscriptions_receive_everything_each,
        a_passing_subscription_ends_with_its_consumer,
        the_events_of_a_commit_arrive_once_in_order,
        the_events_of_a_commit_that_failed_do_not_arrive,
    ];
}

/// The topic of tests that need one.
const TOPIC: Topic = Topic::ForecastUpdated;

fn subscription(name: &str, kind: SubscriptionKind, start: StartAt) -> Subscription {
    Subscription { topic: TOPIC, name: name.to_owned(), kind, durable: true, start }
}

fn shared(name: &str) -> Subscription {
    subscription(name, SubscriptionKind::Shared, StartAt::Earliest)
}

fn exclusive(name: &str) -> Subscription {
    subscription(name, SubscriptionKind::Exclusive, StartAt::Earliest)
}

async fn publish(bus: &dyn Bus, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for text in texts {
        ids.push(bus.publish(TOPIC, message(text.as_ref())).await.unwrap());
    }
    ids
}

async fn join(bus: &dyn Bus, subscription: Subscription) -> Box<dyn Consumer> {
    bus.subscribe(subscription).await.unwrap()
}

/// The next message; news of the connection are not this suite's matter.
async fn receive(consumer: &mut Box<dyn Consumer>) -> BusMessage {
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
async fn take(consumer: &mut Box<dyn Consumer>) -> String {
    let received = receive(consumer).await;
    consumer.ack(received.id).await.unwrap();
    text(&received)
}

fn text(received: &BusMessage) -> String {
    let text = received.message.key.strip_prefix("key-").expect("a message of this suite").to_owned();
    assert_eq!(received.message, message(&text));
    text
}

async fn expect(consumer: &mut Box<dyn Consumer>, texts: &[&str]) {
    for expected in texts {
        assert_eq!(take(consumer).await, *expected);
    }
}

async fn expect_nothing(consumer: &mut Box<dyn Consumer>) {
    if let Ok(delivery) = timeout(QUIET, consumer.next()).await {
        panic!("nothing was due, and yet: {delivery:?}");
    }
}
