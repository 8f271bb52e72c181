//! The consumer of `forecast:completed` (subscription `notification-service-consumer`).
//!
//! An event is acknowledged only after the transaction that holds all that it leads to: the channels are not waited for,
//! and cannot bring the event back (ruling 11).

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use coherence::mutant;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::alerts::{AlertKind, Alerts};
use super::operations::NotificationOperations;
use super::ports::NotificationPorts;
use crate::backoff::Backoff;
use crate::event::{Event, ForecastCompleted};
use crate::ports::{
    Bus, BusError, BusMessage, Consumer, Delivery, MessageId, ParkedEvent, ParkedId, Parking, StartAt, Subscription,
    SubscriptionKind, Topic,
};

/// The subscription, shared by all instances (specification 1.2).
pub const COMPLETED_SUBSCRIPTION: &str = "notification-service-consumer";
/// How many events are worked on at a time.
const WORKED_ON_MAX: usize = 32;
/// How often an event is tried that fails by itself; then it is parked.
const POISON_TRIES: u32 = 5;
/// How often an event is tried while the store is away; then another instance may have it.
const AWAY_TRIES: u32 = 20;

/// Where the consumer stands. A value to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// Whether it is subscribed.
    pub connected: bool,
    /// Events accepted.
    pub events: u64,
    /// Notifications that they led to.
    pub notifications: u64,
    /// Users of events that came again.
    pub duplicates: u64,
    /// Events parked.
    pub parked: u64,
    /// Events given back, since the store was away.
    pub given_back: u64,
    /// Calls that failed.
    pub errors: u64,
}

/// A handle to the consumer's status.
#[derive(Debug, Clone, Default)]
pub struct ConsumerStatusHandle(Arc<Mutex<ConsumerStatus>>);

impl ConsumerStatusHandle {
    /// Where it stands.
    pub fn read(&self) -> ConsumerStatus {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut ConsumerStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What becomes of a message.
enum Verdict {
    /// It is done with.
    Acknowledge,
    /// It shall come again.
    GiveBack,
}

/// The consumer.
pub struct CompletedConsumer {
    bus: Arc<dyn Bus>,
    parking: Arc<dyn Parking>,
    operations: NotificationOperations,
    ports: NotificationPorts,
    alerts: Alerts,
    status: ConsumerStatusHandle,
}

impl CompletedConsumer {
    /// A consumer that does not run yet.
    pub fn new(
        bus: Arc<dyn Bus>,
        parking: Arc<dyn Parking>,
        operations: NotificationOperations,
        ports: NotificationPorts,
        alerts: Alerts,
    ) -> Self {
        Self { bus, parking, operations, ports, alerts, status: ConsumerStatusHandle::default() }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> ConsumerStatusHandle {
        self.status.clone()
    }

    /// Runs until `stop`; what it did not acknowledge comes again.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            biased;
            () = stop => {}
            () = self.walk() => {}
        }
        self.status.update(|status| status.connected = false);
    }

    async fn walk(&self) {
        let mut backoff = Backoff::default();
        loop {
            match self.bus.subscribe(subscription()).await {
                Ok(mut consumer) => {
                    self.status.update(|status| status.connected = true);
                    backoff.reset();
                    let error = self.consume(&mut *consumer).await;
                    tracing::warn!(%error, "the subscription to completed forecasts ended");
                    self.status.update(|status| status.connected = false);
                }
                Err(error) => {
                    tracing::debug!(%error, "no subscription to completed forecasts");
                    self.status.update(|status| status.errors += 1);
                }
            }
            backoff.wait(&*self.ports.rng).await;
        }
    }

    async fn consume(&self, consumer: &mut dyn Consumer) -> BusError {
        let mut worked_on = FuturesUnordered::new();
        loop {
            let delivery = tokio::select! {
                biased;
                Some((id, verdict)) = worked_on.next(), if !worked_on.is_empty() => {
                    match self.conclude(consumer, id, verdict).await {
                        Ok(()) => continue,
                        Err(error) => return error,
                    }
                }
                delivery = consumer.next(), if worked_on.len() < WORKED_ON_MAX => delivery,
            };
            match delivery {
                Ok(Delivery::Message(message)) => {
                    let id = message.id;
                    if mutant!(NotifyAcknowledgedFirst)
                        && let Err(error) = consumer.ack(id).await
                    {
                        return error;
                    }
                    worked_on.push(async move { (id, self.on_message(message).await) });
                }
                // What was not seen acknowledged comes again.
                Ok(Delivery::Lost | Delivery::Restored) => {}
                Err(error) => return error,
            }
        }
    }

    async fn conclude(&self, consumer: &mut dyn Consumer, id: MessageId, verdict: Verdict) -> Result<(), BusError> {
        let answer = match verdict {
            Verdict::Acknowledge => consumer.ack(id).await,
            Verdict::GiveBack => consumer.nack(id).await,
        };
        match answer {
            // It comes again, and adds nothing then.
            Err(error) if error.is_retryable() => {
                self.status.update(|status| status.errors += 1);
                Ok(())
            }
            answer => answer,
        }
    }

    async fn on_message(&self, message: BusMessage) -> Verdict {
        let event = match ForecastCompleted::read(&message.message.payload) {
            Ok(event) => event,
            Err(error) => return self.park(message, 1, &error.to_string()).await,
        };
        let mut backoff = Backoff::default();
        let (mut tries, mut poison) = (0, 0);
        loop {
            tries += 1;
            match self.operations.completed(&event, &message.message.payload).await {
                Ok(told) => {
                    self.status.update(|status| {
                        status.events += 1;
                        status.notifications += u64::from(told.new);
                        status.duplicates += u64::from(told.before);
                    });
                    return Verdict::Acknowledge;
                }
                Err(error) => {
                    self.status.update(|status| status.errors += 1);
                    poison += u32::from(!error.is_retryable());
                    if poison >= POISON_TRIES {
                        return self.park(message, tries, &error.to_string()).await;
                    }
                    if tries >= AWAY_TRIES {
                        tracing::warn!(%error, key = message.message.key, "a completed forecast is given back");
                        self.status.update(|status| status.given_back += 1);
                        return Verdict::GiveBack;
                    }
                    backoff.wait(&*self.ports.rng).await;
                }
            }
        }
    }

    /// It must stand in nobody's way; an operator can look at it, and send it again.
    async fn park(&self, message: BusMessage, attempts: u32, reason: &str) -> Verdict {
        let event = ParkedEvent {
            id: ParkedId(Uuid::from_u128(xxh3_128(&message.message.payload))),
            topic: Topic::ForecastCompleted,
            entity: message.message.key.parse().ok(),
            message: message.message,
            reason: reason.to_owned(),
            attempts,
            parked_at: self.ports.clock.now(),
        };
        match self.parking.park(event).await {
            Ok(()) => {
                self.alerts.raise(AlertKind::DeadLetter, Topic::ForecastCompleted.name(), reason);
                self.status.update(|status| status.parked += 1);
                Verdict::Acknowledge
            }
            Err(error) => {
                tracing::warn!(%error, reason, "an event that cannot be worked on cannot be parked either");
                self.status.update(|status| status.errors += 1);
                Verdict::GiveBack
            }
        }
    }
}

fn subscription() -> Subscription {
    Subscription {
        topic: Topic::ForecastCompleted,
        name: COMPLETED_SUBSCRIPTION.to_owned(),
        kind: SubscriptionKind::Shared,
        durable: true,
        start: StartAt::Earliest,
    }
}
