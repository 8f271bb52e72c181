//! What the cases share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use adapters::pulsar::{PulsarBus, PulsarConfig};
use adapters::system::SystemRng;
use containers::pulsar::Broker;
use domain::ports::{BusMessage, Consumer, Delivery, StartAt, Subscription, SubscriptionKind, Topic};
use uuid::Uuid;

/// Runs a case on a runtime of its own.
pub(crate) fn block_on<T>(case: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(case)
}

/// Settings for a namespace that nobody else uses; messages come again soon.
pub(crate) fn config(broker: &Broker) -> PulsarConfig {
    let namespace = broker.admin().make_namespace(&format!("n{}", Uuid::new_v4().simple()));
    PulsarConfig {
        namespace,
        redelivery_timeout: Duration::from_millis(800),
        redelivery_delay: Duration::from_millis(100),
        // A machine that runs many suites is slow.
        operation_timeout: Duration::from_secs(15),
        ..PulsarConfig::new(broker.url(), broker.admin().url())
    }
}

pub(crate) fn bus(config: &PulsarConfig) -> PulsarBus {
    PulsarBus::new(config.clone(), Arc::new(SystemRng::default())).unwrap()
}

/// What has not come by then does not come.
pub(crate) const QUIET: Duration = Duration::from_millis(700);
/// What is due has come by then, on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn shared(topic: Topic, name: &str) -> Subscription {
    Subscription {
        topic,
        name: name.to_owned(),
        kind: SubscriptionKind::Shared,
        durable: true,
        start: StartAt::Earliest,
    }
}

pub(crate) fn exclusive(topic: Topic, name: &str) -> Subscription {
    Subscription { kind: SubscriptionKind::Exclusive, ..shared(topic, name) }
}

/// The next message, whatever becomes of the connection meanwhile.
pub(crate) async fn receive(consumer: &mut Box<dyn Consumer>) -> BusMessage {
    let next = async {
        loop {
            if let Delivery::Message(message) = consumer.next().await.unwrap() {
                return message;
            }
        }
    };
    tokio::time::timeout(DEADLINE, next).await.expect("a message is due, and did not come")
}
