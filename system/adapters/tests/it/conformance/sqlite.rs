//! SQLite.

use std::sync::Arc;
use std::time::Duration;

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

use crate::sqlite::{Database, HOURS};

impl StoreHarness for Database {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.sqlite.store())
    }
}

#[async_trait]
impl FeedHarness for Database {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.sqlite.store())
    }

    fn feed(&self) -> Arc<dyn ChangeFeed> {
        Arc::new(self.sqlite.feed())
    }

    async fn bare_update(&self, id: ForecastId) {
        let statement =
            sqlx::query("UPDATE forecasts SET demand = demand + 1 WHERE id = ?").bind(id.0.as_bytes().to_vec());
        assert_eq!(statement.execute(&mut self.bare().await).await.unwrap().rows_affected(), 1);
    }

    async fn forget(&self) {
        self.clock.advance(8 * 24 * HOURS);
        assert!(self.sqlite.prune().await.unwrap().changes > 0);
        // What is written later is not old.
        self.clock.advance(-8 * 24 * HOURS);
    }
}

#[async_trait]
impl BusHarness for Database {
    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.sqlite.bus())
    }

    async fn reopen(&mut self) {
        self.sqlite.close().await.unwrap();
        self.sqlite = self.another().await;
    }

    fn store(&self) -> Option<Arc<dyn Store>> {
        Some(Arc::new(self.sqlite.store()))
    }

    fn redelivery_timeout(&self) -> Duration {
        self.config.redelivery_timeout
    }

    fn redelivery_delay(&self) -> Duration {
        self.config.redelivery_delay
    }
}

#[async_trait]
impl LeaseHarness for Database {
    fn leases(&self) -> Arc<dyn Leases> {
        Arc::new(self.sqlite.store())
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.sqlite.store())
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(i64::try_from(time.as_micros()).unwrap());
    }
}

#[async_trait]
impl NotificationHarness for Database {
    fn store(&self) -> Arc<dyn NotificationStore> {
        Arc::new(self.sqlite.notifications())
    }

    fn files_max(&self) -> Option<u64> {
        Some(self.config.files_max_bytes)
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(i64::try_from(time.as_micros()).unwrap());
    }
}

impl OutboxHarness for Database {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.sqlite.store())
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(self.sqlite.store())
    }
}

impl ParkingHarness for Database {
    fn parking(&self) -> Arc<dyn Parking> {
        Arc::new(self.sqlite.store())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_notifications_conform() {
    notifications::run_all(async || Database::with(|config| config.files_max_bytes = 300_000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leases_conform() {
    lease::run_all(async || Database::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outbox_conforms() {
    outbox::run_all(async || Database::with(|config| config.outbox = true).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parking_conforms() {
    parking::run_all(async || Database::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_conforms() {
    store::run_all(async || Database::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_conforms() {
    feed::run_all(async || Database::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bus_conforms() {
    bus::run_all(async || Database::new().await).await;
}
