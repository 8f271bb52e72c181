//! `forecast:updated`, in one instance: the shared tier learns the version that it must reach.

use std::future::Future;
use std::sync::Arc;

use coherence::{Rng, SharedError, SharedTier};

use super::consume::consume;
use super::status::RoadStatusHandle;
use crate::backoff::Backoff;
use crate::event::{Event, ForecastUpdated};
use crate::model::forecast_key;
use crate::ports::{Bus, BusMessage, StartAt, Subscription, SubscriptionKind, Topic};
use crate::wake::Wake;

/// The subscription, shared by all instances.
pub const UPDATED_SUBSCRIPTION: &str = "productionforecast-cache-sync";
/// How often an event is tried. What is given up here comes over the other roads.
const TRIES_MAX: u32 = 5;

/// What the road needs from outside.
#[derive(Clone)]
pub struct UpdatedRoadPorts {
    /// Where the events come from.
    pub bus: Arc<dyn Bus>,
    /// Whose floors it raises.
    pub shared: Arc<dyn SharedTier>,
    /// Jitter.
    pub rng: Arc<dyn Rng>,
}

/// The road.
pub struct UpdatedRoad {
    ports: UpdatedRoadPorts,
    /// The tracker's.
    wake: Wake,
    status: RoadStatusHandle,
}

impl UpdatedRoad {
    /// A road that does not run yet. `wake` is the tracker's.
    pub fn new(ports: UpdatedRoadPorts, wake: Wake) -> Self {
        Self { ports, wake, status: RoadStatusHandle::default() }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> RoadStatusHandle {
        self.status.clone()
    }

    /// Runs until `stop`.
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
            match self.ports.bus.subscribe(subscription()).await {
                Ok(mut consumer) => {
                    self.status
                        .update(|status| (status.connected, status.subscriptions) = (true, status.subscriptions + 1));
                    backoff.reset();
                    let error = consume(&mut *consumer, true, |message| self.on_message(message)).await;
                    tracing::warn!(error = error.map(|error| error.to_string()), "the subscription to updates ended");
                    self.status.update(|status| status.connected = false);
                }
                Err(error) => {
                    tracing::debug!(%error, "no subscription to updates");
                    self.status.update(|status| status.errors += 1);
                }
            }
            backoff.wait(&*self.ports.rng).await;
        }
    }

    async fn on_message(&self, message: BusMessage) {
        let event = match ForecastUpdated::read(&message.message.payload) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, key = message.message.key, "an update cannot be read");
                self.status.update(|status| status.unreadable += 1);
                return;
            }
        };
        self.wake.wake();
        let mut backoff = Backoff::default();
        for tried in 1..=TRIES_MAX {
            match self.tell(&event).await {
                Ok(()) => return self.status.update(|status| status.events += 1),
                Err(error) if error.is_retryable() && tried < TRIES_MAX => {
                    self.status.update(|status| status.errors += 1);
                    backoff.wait(&*self.ports.rng).await;
                }
                Err(error) => {
                    tracing::warn!(%error, id = %event.aggregate_id, "an update is given up; the change feed tells it too");
                    return self.status.update(|status| status.given_up += 1);
                }
            }
        }
    }

    async fn tell(&self, event: &ForecastUpdated) -> Result<(), SharedError> {
        let key = forecast_key(event.aggregate_id);
        match event.version() {
            Some(version) => self.ports.shared.raise(&key, version).await,
            // Another program's: nobody says in which life its version counts.
            None => self.ports.shared.drop_key(&key).await,
        }
    }
}

fn subscription() -> Subscription {
    Subscription {
        topic: Topic::ForecastUpdated,
        name: UPDATED_SUBSCRIPTION.to_owned(),
        kind: SubscriptionKind::Shared,
        durable: true,
        start: StartAt::Earliest,
    }
}
