//! Everything that an instance takes from outside.

use std::sync::Arc;
use std::time::Duration;

use adapters::layers::meter::{
    Meter, MeterBackplane, MeterBus, MeterFeed, MeterLeases, MeterNotifications, MeterOutbox, MeterParking,
    MeterShared, MeterStore,
};
use adapters::layers::timeout::{
    TimeoutBackplane, TimeoutBus, TimeoutFeed, TimeoutLeases, TimeoutNotifications, TimeoutOutbox, TimeoutParking,
    TimeoutShared, TimeoutStore,
};
use coherence::{Backplane, Rng, SharedTier, WallClock};
use domain::ports::{Bus, ChangeFeed, Ids, Leases, NotificationStore, Outbox, Parking, Store};
use futures_util::future::BoxFuture;

use super::channels::Channels;
use crate::auth::Tickets;

/// The ports of one instance. Several instances of one process may share some of them.
#[derive(Clone)]
pub struct Ports {
    /// L4, the truth.
    pub store: Arc<dyn Store>,
    /// The store's change feed.
    pub feed: Arc<dyn ChangeFeed>,
    /// Who is the tracker, and who the sync.
    pub leases: Arc<dyn Leases>,
    /// Events that were given up.
    pub parking: Arc<dyn Parking>,
    /// Events of commits, where the bus is not the store.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// The store of notifications, which shares no table with the other.
    pub notifications: Arc<dyn NotificationStore>,
    /// The ways out of the notification service.
    pub channels: Channels,
    /// The message bus.
    pub bus: Arc<dyn Bus>,
    /// L3.
    pub shared: Arc<dyn SharedTier>,
    /// How changes reach every instance.
    pub backplane: Arc<dyn Backplane>,
    /// Tickets for event streams.
    pub tickets: Arc<dyn Tickets>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// Randomness; the generated secret comes from it too.
    pub rng: Arc<dyn Rng>,
    /// What the adapters need done in the background.
    pub jobs: Vec<Job>,
}

/// Why a run of a job failed; it is logged, and the job runs again at its next time.
pub type JobError = Arc<dyn std::error::Error + Send + Sync>;

/// Something that is done again and again.
#[derive(Clone)]
pub struct Job {
    /// Its name in logs.
    pub name: &'static str,
    /// The time between the end of one run and the start of the next.
    pub every: Duration,
    /// One run.
    pub run: Arc<dyn Fn() -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>,
}

impl Ports {
    /// The same ports, each call with a deadline (L3 and the backplane have their own), counted and timed. What a backend
    /// does not answer in time has failed. The channels have a meter and no deadline here: theirs are their senders' and
    /// their own.
    #[must_use]
    pub fn layered(self, deadline: Duration, shared: Duration, meter: Arc<dyn Meter>) -> Self {
        let each = || Arc::clone(&meter);
        Self {
            store: Arc::new(MeterStore::new(Arc::new(TimeoutStore::new(self.store, deadline)), each())),
            feed: Arc::new(MeterFeed::new(Arc::new(TimeoutFeed::new(self.feed, deadline)), each())),
            leases: Arc::new(MeterLeases::new(Arc::new(TimeoutLeases::new(self.leases, deadline)), each())),
            parking: Arc::new(MeterParking::new(Arc::new(TimeoutParking::new(self.parking, deadline)), each())),
            outbox: self.outbox.map(|outbox| {
                Arc::new(MeterOutbox::new(Arc::new(TimeoutOutbox::new(outbox, deadline)), each())) as Arc<dyn Outbox>
            }),
            notifications: Arc::new(MeterNotifications::new(
                Arc::new(TimeoutNotifications::new(self.notifications, deadline)),
                each(),
            )),
            channels: self.channels.metered(&meter),
            bus: Arc::new(MeterBus::new(Arc::new(TimeoutBus::new(self.bus, deadline)), each())),
            shared: Arc::new(MeterShared::new(Arc::new(TimeoutShared::new(self.shared, shared)), each())),
            backplane: Arc::new(MeterBackplane::new(Arc::new(TimeoutBackplane::new(self.backplane, shared)), each())),
            ..self
        }
    }
}
