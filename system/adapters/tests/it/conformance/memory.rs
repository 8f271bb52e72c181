//! The memory adapters.

use std::sync::Arc;
use std::time::Duration;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryNotifications, MemoryStore, MemoryStoreConfig};
use adapters::system::SystemClock;
use async_trait::async_trait;
use domain::conformance::bus::BusHarness;
use domain::conformance::feed::FeedHarness;
use domain::conformance::lease::LeaseHarness;
use domain::conformance::notifications::NotificationHarness;
use domain::conformance::outbox::OutboxHarness;
use domain::conformance::parking::ParkingHarness;
use domain::conformance::store::StoreHarness;
use domain::conformance::{bus, feed, lease, notifications, outbox, parking, store};
use domain::model::ForecastId;
use domain::ports::{Bus, ChangeFeed, Leases, NotificationStore, Outbox, Parking, Store};

/// More than a case takes, and short enough to wait for.
const RETENTION: Duration = Duration::from_secs(3);

struct Memory {
    store: MemoryStore,
    bus: MemoryBus,
}

impl Memory {
    fn new(retention: Duration) -> Self {
        let config = MemoryBusConfig {
            redelivery_timeout: Duration::from_millis(300),
            redelivery_delay: Duration::from_millis(50),
            ..MemoryBusConfig::default()
        };
        let bus = MemoryBus::new(config, Arc::new(SystemClock));
        let config =
            MemoryStoreConfig { retention, tombstone_retention: 10 * retention, ..MemoryStoreConfig::default() };
        Self { store: MemoryStore::new(config, bus.clone(), Arc::new(SystemClock)), bus }
    }
}

impl StoreHarness for Memory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }
}

#[async_trait]
impl BusHarness for Memory {
    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    async fn reopen(&mut self) {
        // Nothing to open: what outlives its consumers is in the handle.
    }

    fn store(&self) -> Option<Arc<dyn Store>> {
        Some(Arc::new(self.store.clone()))
    }

    fn redelivery_timeout(&self) -> Duration {
        Duration::from_millis(300)
    }

    fn redelivery_delay(&self) -> Duration {
        Duration::from_millis(50)
    }
}

#[async_trait]
impl FeedHarness for Memory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    fn feed(&self) -> Arc<dyn ChangeFeed> {
        Arc::new(self.store.clone())
    }

    async fn bare_update(&self, id: ForecastId) {
        self.store.bare_update(id, |row| row.demand += 1.0).unwrap();
    }

    async fn forget(&self) {
        tokio::time::sleep(RETENTION).await;
    }
}

#[async_trait]
impl LeaseHarness for Memory {
    fn leases(&self) -> Arc<dyn Leases> {
        Arc::new(self.store.clone())
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl ParkingHarness for Memory {
    fn parking(&self) -> Arc<dyn Parking> {
        Arc::new(self.store.clone())
    }
}

/// A store that has an outbox.
struct WithOutbox(MemoryStore);

impl OutboxHarness for WithOutbox {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(self.0.clone())
    }
}

const FILES_MAX: u64 = 300_000;

struct Notifications(MemoryNotifications);

#[async_trait]
impl NotificationHarness for Notifications {
    fn store(&self) -> Arc<dyn NotificationStore> {
        Arc::new(self.0.clone())
    }

    fn files_max(&self) -> Option<u64> {
        Some(FILES_MAX)
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[tokio::test]
async fn the_notifications_conform() {
    let make = async || Notifications(MemoryNotifications::bounded(FILES_MAX, Arc::new(SystemClock)));
    notifications::run_all(make).await;
}

#[tokio::test]
async fn the_leases_conform() {
    lease::run_all(async || Memory::new(RETENTION)).await;
}

#[tokio::test]
async fn the_outbox_conforms() {
    let make = async || WithOutbox(MemoryStore::with_outbox(MemoryStoreConfig::default(), Arc::new(SystemClock)));
    outbox::run_all(make).await;
}

#[tokio::test]
async fn the_parking_conforms() {
    parking::run_all(async || Memory::new(RETENTION)).await;
}

#[tokio::test]
async fn the_store_conforms() {
    store::run_all(async || Memory::new(RETENTION)).await;
}

#[tokio::test]
async fn the_feed_conforms() {
    feed::run_all(async || Memory::new(RETENTION)).await;
}

#[tokio::test]
async fn the_bus_conforms() {
    bus::run_all(async || Memory::new(Duration::from_secs(3_600))).await;
}
