//! Load: a publisher that numbers its messages, and consumers of each kind that write down what they see.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapters::pulsar::{PulsarBus, PulsarConfig};
use adapters::system::SystemRng;
use containers::pulsar::Broker;
use domain::ports::{Bus, Delivery, Outgoing, StartAt, Subscription, SubscriptionKind, Topic};
use tokio::task::JoinHandle;

const TOPIC: Topic = Topic::CdcForecasts;
/// What a caller gives a call, as the layer of deadlines does.
const CALL_MAX: Duration = Duration::from_secs(2);
/// Everything that was published has come by then.
const SETTLED_MAX: Duration = Duration::from_secs(60);

/// What a consumer saw, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Message(u64),
    Lost,
    Restored,
}

#[derive(Clone)]
pub(crate) struct Watcher {
    pub(crate) name: &'static str,
    pub(crate) durable: bool,
    seen: Arc<Mutex<Vec<(Instant, Seen)>>>,
}

impl Watcher {
    fn tell(&self, seen: Seen) {
        self.seen.lock().unwrap().push((Instant::now(), seen));
    }

    pub(crate) fn seen(&self) -> Vec<(Instant, Seen)> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn numbers(&self) -> BTreeSet<u64> {
        let number = |(_, seen): (Instant, Seen)| match seen {
            Seen::Message(n) => Some(n),
            Seen::Lost | Seen::Restored => None,
        };
        self.seen().into_iter().filter_map(number).collect()
    }
}

/// The load, while it runs.
pub(crate) struct Load {
    pub(crate) watchers: Vec<Watcher>,
    pub(crate) config: PulsarConfig,
    confirmed: Arc<Mutex<Vec<(Instant, u64)>>>,
    stop: Arc<tokio::sync::Notify>,
    tasks: Vec<JoinHandle<()>>,
    publisher: JoinHandle<()>,
}

impl Load {
    /// A namespace of its own; an exclusive, a shared and a passing consumer; 100 messages a second or so.
    pub(crate) async fn begin(broker: &Broker, name: &str) -> Self {
        let namespace = broker.admin().make_namespace(name);
        let config = PulsarConfig {
            namespace,
            redelivery_timeout: Duration::from_secs(20),
            operation_timeout: Duration::from_secs(3),
            ..PulsarConfig::new(broker.url(), broker.admin().url())
        };
        let bus = || PulsarBus::new(config.clone(), Arc::new(SystemRng::default())).unwrap();
        let consumers = bus();
        let (mut watchers, mut tasks) = (Vec::new(), Vec::new());
        for (name, kind, durable) in [
            ("exclusive", SubscriptionKind::Exclusive, true),
            ("shared", SubscriptionKind::Shared, true),
            ("passing", SubscriptionKind::Exclusive, false),
        ] {
            let start = StartAt::Latest;
            let subscription = Subscription { topic: TOPIC, name: name.to_owned(), kind, durable, start };
            let consumer = consumers.subscribe(subscription).await.unwrap();
            let watcher = Watcher { name, durable, seen: Arc::default() };
            watchers.push(watcher.clone());
            tasks.push(tokio::spawn(watch(consumer, watcher)));
        }
        let (confirmed, stop) = (Arc::default(), Arc::new(tokio::sync::Notify::new()));
        let publisher = tokio::spawn(publish(bus(), Arc::clone(&confirmed), Arc::clone(&stop)));
        Self { watchers, config, confirmed, stop, tasks, publisher }
    }

    /// How many were confirmed so far.
    pub(crate) fn confirmed(&self) -> Vec<(Instant, u64)> {
        self.confirmed.lock().unwrap().clone()
    }

    /// Waits until the publisher and every consumer got a message through since `since`; answers when the last of them did.
    pub(crate) async fn flows_since(&self, since: Instant) -> Instant {
        let begun = Instant::now();
        loop {
            let confirmed = self.confirmed().into_iter().find(|(at, _)| *at > since);
            if let Some((published, first)) = confirmed {
                let fresh = |watcher: &Watcher| {
                    let news = |(at, seen): &(Instant, Seen)| match seen {
                        Seen::Message(n) if *n >= first => Some(*at),
                        _ => None,
                    };
                    watcher.seen().iter().find_map(news)
                };
                let received: Option<Vec<Instant>> = self.watchers.iter().map(fresh).collect();
                if let Some(received) = received {
                    return received.into_iter().fold(published, Instant::max);
                }
            }
            if begun.elapsed() > SETTLED_MAX {
                for watcher in &self.watchers {
                    println!("{}: {:?}", watcher.name, watcher.seen().iter().rev().take(5).collect::<Vec<_>>());
                }
                panic!("nothing flows; {:?} was confirmed", self.confirmed().last());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it, and waits until the durable consumers have all that was confirmed.
    pub(crate) async fn end(self) -> Vec<Watcher> {
        self.stop.notify_one();
        self.publisher.await.unwrap();
        let confirmed: BTreeSet<u64> = self.confirmed.lock().unwrap().iter().map(|(_, n)| *n).collect();
        let begun = Instant::now();
        for watcher in self.watchers.iter().filter(|watcher| watcher.durable) {
            loop {
                let missing: Vec<_> = confirmed.difference(&watcher.numbers()).copied().collect();
                if missing.is_empty() {
                    break;
                }
                assert!(begun.elapsed() < SETTLED_MAX, "{} never got {missing:?}", watcher.name);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        for task in self.tasks {
            task.abort();
        }
        println!("{} messages were confirmed", confirmed.len());
        self.watchers
    }
}

/// Publishes number after number, each until it is confirmed.
async fn publish(bus: PulsarBus, confirmed: Arc<Mutex<Vec<(Instant, u64)>>>, stop: Arc<tokio::sync::Notify>) {
    let mut stopped = std::pin::pin!(stop.notified());
    for n in 0.. {
        loop {
            let message = Outgoing { key: "k".to_owned(), payload: n.to_string().into(), properties: [].into() };
            match tokio::time::timeout(CALL_MAX, bus.publish(TOPIC, message)).await {
                Ok(Ok(_)) => break,
                Ok(Err(error)) => assert!(error.is_retryable(), "{error:?}"),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        confirmed.lock().unwrap().push((Instant::now(), n));
        let pause = tokio::time::timeout(Duration::from_millis(5), &mut stopped);
        if pause.await.is_ok() {
            return;
        }
    }
}

async fn watch(mut consumer: Box<dyn domain::ports::Consumer>, watcher: Watcher) {
    loop {
        match consumer.next().await.unwrap() {
            Delivery::Message(message) => {
                let number = std::str::from_utf8(&message.message.payload).unwrap().parse().unwrap();
                watcher.tell(Seen::Message(number));
                // It comes again if this does not arrive.
                let acked = consumer.ack(message.id).await;
                assert!(acked.as_ref().is_ok_and(|()| true) || acked.is_err_and(|error| error.is_retryable()));
            }
            Delivery::Lost => watcher.tell(Seen::Lost),
            Delivery::Restored => watcher.tell(Seen::Restored),
        }
    }
}
