//! Between the hubs of all instances: `notification:changed`.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use coherence::Rng;

use super::LiveHub;
use crate::backoff::Backoff;
use crate::event::{Event, NotificationChanged};
use crate::ports::{Bus, COMPACTED, Consumer, Delivery, StartAt, Subscription, SubscriptionKind, Topic};

/// The subscription of an instance is this and the instance's name.
pub const LIVE_SUBSCRIPTION: &str = "notification-live-";

/// Where the road stands. A value to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LiveStatus {
    /// Whether it is subscribed.
    pub connected: bool,
    /// Changes told to the other instances.
    pub told: u64,
    /// Changes heard of.
    pub heard: u64,
    /// Calls of the bus that failed, and messages that could not be read.
    pub errors: u64,
}

/// A handle to the road's status.
#[derive(Debug, Clone, Default)]
pub struct LiveStatusHandle(Arc<Mutex<LiveStatus>>);

impl LiveStatusHandle {
    /// Where it stands.
    pub fn read(&self) -> LiveStatus {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut LiveStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The road of one instance.
pub struct LiveRoad {
    hub: LiveHub,
    bus: Arc<dyn Bus>,
    rng: Arc<dyn Rng>,
    subscription: String,
    status: LiveStatusHandle,
}

impl LiveRoad {
    /// A road that does not run yet. `instance` names the instance, as no other one is named.
    pub fn new(hub: LiveHub, bus: Arc<dyn Bus>, rng: Arc<dyn Rng>, instance: &str) -> Self {
        let subscription = format!("{LIVE_SUBSCRIPTION}{instance}");
        Self { hub, bus, rng, subscription, status: LiveStatusHandle::default() }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> LiveStatusHandle {
        self.status.clone()
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            biased;
            () = stop => {}
            () = self.tell() => {}
            () = self.hear() => {}
        }
        self.status.update(|status| status.connected = false);
    }

    async fn tell(&self) {
        let mut backoff = Backoff::default();
        loop {
            let Some(user) = self.hub.next_untold() else {
                self.hub.wake.woken().await;
                continue;
            };
            // Of one user only the newest matters: what nobody reads fills no topic.
            let properties = BTreeMap::from([(COMPACTED.to_owned(), "true".to_owned())]);
            let told = match (NotificationChanged { user_id: user }).outbox(&properties) {
                Ok(event) => self.bus.publish(Topic::NotificationChanged, event.message).await,
                // No event of this module has no JSON form.
                Err(_) => continue,
            };
            match told {
                Ok(_) => {
                    backoff.reset();
                    self.status.update(|status| status.told += 1);
                }
                Err(error) => {
                    tracing::debug!(%error, "the other instances cannot be told of a change of an inbox");
                    self.status.update(|status| status.errors += 1);
                    if error.is_retryable() {
                        self.hub.still_untold(user);
                    }
                    backoff.wait(&*self.rng).await;
                }
            }
        }
    }

    async fn hear(&self) {
        let mut backoff = Backoff::default();
        loop {
            match self.bus.subscribe(self.subscription()).await {
                Ok(mut consumer) => {
                    self.status.update(|status| status.connected = true);
                    backoff.reset();
                    // What was published while nobody listened is gone.
                    self.hub.wake_all();
                    self.listen(&mut *consumer).await;
                    self.status.update(|status| status.connected = false);
                }
                Err(error) => {
                    tracing::debug!(%error, "no subscription to changes of inboxes");
                    self.status.update(|status| status.errors += 1);
                }
            }
            backoff.wait(&*self.rng).await;
        }
    }

    async fn listen(&self, consumer: &mut dyn Consumer) {
        loop {
            match consumer.next().await {
                Ok(Delivery::Message(message)) => {
                    match NotificationChanged::read(&message.message.payload) {
                        Ok(event) => {
                            self.hub.wake_user(event.user_id);
                            self.status.update(|status| status.heard += 1);
                        }
                        Err(error) => {
                            tracing::debug!(%error, "a change of an inbox cannot be read");
                            self.status.update(|status| status.errors += 1);
                        }
                    }
                    if consumer.ack(message.id).await.is_err() {
                        return;
                    }
                }
                Ok(Delivery::Lost | Delivery::Restored) | Err(_) => return,
            }
        }
    }

    fn subscription(&self) -> Subscription {
        Subscription {
            topic: Topic::NotificationChanged,
            name: self.subscription.clone(),
            kind: SubscriptionKind::Exclusive,
            durable: false,
            start: StartAt::Latest,
        }
    }
}
