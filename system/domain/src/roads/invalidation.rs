//! `forecast:invalidation`, in every instance: floors, stamps and barriers.

use std::future::Future;
use std::sync::Arc;

use coherence::{Rng, mutant};

use super::consume::consume;
use super::status::RoadStatusHandle;
use crate::backoff::Backoff;
use crate::event::{CacheInvalidation, Event, Eviction};
use crate::forecast::{ForecastService, Views};
use crate::ports::{Bus, BusMessage, StartAt, Subscription, SubscriptionKind, Topic};
use crate::wake::Wake;

/// The subscription of an instance is this and the instance's name.
pub const INVALIDATION_SUBSCRIPTION: &str = "productionforecast-invalidation-";

/// The road of one instance.
pub struct InvalidationRoad<R: Views> {
    service: ForecastService<R>,
    bus: Arc<dyn Bus>,
    rng: Arc<dyn Rng>,
    /// The tracker's.
    wake: Wake,
    subscription: String,
    status: RoadStatusHandle,
}

impl<R: Views> InvalidationRoad<R> {
    /// A road that does not run yet. `instance` names the instance, as no other one is named; `wake` is the tracker's.
    pub fn new(service: ForecastService<R>, bus: Arc<dyn Bus>, rng: Arc<dyn Rng>, wake: Wake, instance: &str) -> Self {
        let subscription = format!("{INVALIDATION_SUBSCRIPTION}{instance}");
        Self { service, bus, rng, wake, subscription, status: RoadStatusHandle::default() }
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
            match self.bus.subscribe(self.subscription()).await {
                Ok(mut consumer) => {
                    // What was published while nobody listened is gone: fills in the air may have read what it told of.
                    self.service.caches().cache().begin_generation();
                    self.status
                        .update(|status| (status.connected, status.subscriptions) = (true, status.subscriptions + 1));
                    backoff.reset();
                    let error = consume(&mut *consumer, false, |message| self.on_message(message)).await;
                    tracing::warn!(
                        error = error.map(|error| error.to_string()),
                        "the subscription to invalidations is lost"
                    );
                    self.service.caches().cache().begin_generation();
                    self.status.update(|status| status.connected = false);
                }
                Err(error) => {
                    tracing::debug!(%error, "no subscription to invalidations");
                    self.status.update(|status| status.errors += 1);
                }
            }
            backoff.wait(&*self.rng).await;
        }
    }

    async fn on_message(&self, message: BusMessage) {
        match CacheInvalidation::read(&message.message.payload) {
            Ok(event) => {
                self.apply(&event).await;
                self.status.update(|status| status.events += 1);
                self.wake.wake();
            }
            Err(error) => {
                tracing::warn!(%error, key = message.message.key, "an invalidation cannot be read");
                self.status.update(|status| status.unreadable += 1);
            }
        }
    }

    async fn apply(&self, event: &CacheInvalidation) {
        if mutant!(InvalidationDropsNothing) {
            return;
        }
        let caches = self.service.caches();
        let tags = if mutant!(InvalidationWithoutTags) { Vec::new() } else { event.cache_tags() };
        match event.evict {
            // What a later release may evict is among all.
            Some(Eviction::All | Eviction::Other) => {
                caches.cache().clear();
            }
            Some(Eviction::Tag) => tags.iter().for_each(|tag| caches.cache().evict_tag(tag)),
            Some(Eviction::Key) | None => match event.version() {
                Some(version) => caches.changed(&event.cache_key(), version, &tags).await,
                None => caches.invalidate(&event.cache_key(), &tags).await,
            },
        }
    }

    fn subscription(&self) -> Subscription {
        Subscription {
            topic: Topic::ForecastInvalidation,
            name: self.subscription.clone(),
            kind: SubscriptionKind::Exclusive,
            durable: false,
            start: StartAt::Latest,
        }
    }
}
