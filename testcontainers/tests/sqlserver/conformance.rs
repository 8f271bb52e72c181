//! `domain::conformance`, the functions that memory and SQLite pass.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::sqlserver::testing::ScratchDatabase;
use adapters::sqlserver::{FeedMode, SqlServer};
use adapters::system::SystemClock;
use async_trait::async_trait;
use containers::sqlserver::SqlServer as Server;
use domain::conformance::feed::FeedHarness;
use domain::conformance::lease::LeaseHarness;
use domain::conformance::notifications::NotificationHarness;
use domain::conformance::outbox::OutboxHarness;
use domain::conformance::parking::ParkingHarness;
use domain::conformance::store::StoreHarness;
use domain::conformance::{feed, lease, notifications, outbox, parking, store};
use domain::model::ForecastId;
use domain::ports::{
    ChangeFeed, FeedBatch, FeedError, FeedPosition, LeaseName, Leases, NotificationStore, Outbox, Parking, Store,
};
use uuid::Uuid;

/// What is written to see that the Agent's job is at work: it looks each second.
const RENEW_EVERY: Duration = Duration::from_millis(300);

/// As many bytes of files as the case of a full store wants.
const FILES_MAX: u64 = 300_000;

/// Runs a case on a runtime of its own.
pub(crate) fn block_on<T>(case: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(case)
}

/// A database of one case.
struct Database {
    scratch: Option<ScratchDatabase>,
    server: SqlServer,
    renewing: Option<tokio::task::JoinHandle<()>>,
}

impl Database {
    async fn new(connection: &str, feed: FeedMode) -> Self {
        let scratch = ScratchDatabase::create(connection, feed).await.unwrap();
        let mut config = scratch.config.clone();
        config.files_max_bytes = FILES_MAX;
        let server = SqlServer::open(config, Arc::new(SystemClock)).await.unwrap();
        let renewing = (feed == FeedMode::Cdc).then(|| tokio::spawn(renew(server.clone())));
        Self { scratch: Some(scratch), server, renewing }
    }

    fn scratch(&self) -> &ScratchDatabase {
        self.scratch.as_ref().unwrap()
    }
}

/// As the tracker does, so that the feed has something to be dated by.
async fn renew(server: SqlServer) {
    loop {
        let _ = server.store().acquire(LeaseName::Sync, Uuid::from_u128(1), Duration::from_secs(60)).await;
        tokio::time::sleep(RENEW_EVERY).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(renewing) = self.renewing.take() {
            renewing.abort();
        }
        self.server.close();
        let Some(scratch) = self.scratch.take() else { return };
        // Not in this runtime: its test may be over.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            if let Err(error) = runtime.block_on(scratch.drop_it()) {
                println!("a test's database is left: {error}");
            }
        });
        let _ = dropping.join();
    }
}

/// CDC tells what was committed about a second later: this waits for it.
struct CaughtUp(Arc<dyn ChangeFeed>);

impl CaughtUp {
    async fn catch_up(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        let begun = Instant::now();
        loop {
            match self.0.read(after, limit).await {
                Ok(batch) if batch.at_end && batch.behind > begun.elapsed() => {}
                Err(FeedError::Unavailable(_)) if begun.elapsed() < Duration::from_secs(20) => {}
                outcome => return outcome,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[async_trait]
impl ChangeFeed for CaughtUp {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        self.catch_up(after, limit).await
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        match self.catch_up(FeedPosition::default(), 1).await {
            Ok(_) | Err(FeedError::BehindMinimum { .. }) => self.0.end().await,
            Err(error) => Err(error),
        }
    }
}

impl StoreHarness for Database {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.server.store())
    }
}

#[async_trait]
impl FeedHarness for Database {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.server.store())
    }

    fn feed(&self) -> Arc<dyn ChangeFeed> {
        let feed = Arc::new(self.server.feed());
        match self.renewing.is_some() {
            true => Arc::new(CaughtUp(feed)),
            false => feed,
        }
    }

    async fn bare_update(&self, id: ForecastId) {
        let text = format!("UPDATE dbo.Forecasts SET Demand = Demand + 1 WHERE Id = '{id}';");
        self.scratch().run(&[&text]).await.unwrap();
    }

    async fn forget(&self) {
        self.scratch().forget_changes().await.unwrap();
    }
}

#[async_trait]
impl LeaseHarness for Database {
    fn leases(&self) -> Arc<dyn Leases> {
        Arc::new(self.server.store())
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.server.store())
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[async_trait]
impl NotificationHarness for Database {
    fn store(&self) -> Arc<dyn NotificationStore> {
        Arc::new(self.server.notifications())
    }

    fn files_max(&self) -> Option<u64> {
        Some(FILES_MAX)
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl OutboxHarness for Database {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.server.store())
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(self.server.store())
    }
}

impl ParkingHarness for Database {
    fn parking(&self) -> Arc<dyn Parking> {
        Arc::new(self.server.store())
    }
}

pub(crate) fn the_store_conforms(server: &Server) {
    block_on(store::run_all(async || Database::new(server.connection(), FeedMode::ChangeTracking).await));
}

pub(crate) fn the_feed_conforms(server: &Server) {
    block_on(feed::run_all(async || Database::new(server.connection(), FeedMode::ChangeTracking).await));
}

pub(crate) fn the_feed_of_cdc_conforms(server: &Server) {
    block_on(feed::run_all(async || Database::new(server.connection(), FeedMode::Cdc).await));
}

pub(crate) fn the_leases_conform(server: &Server) {
    block_on(lease::run_all(async || Database::new(server.connection(), FeedMode::ChangeTracking).await));
}

pub(crate) fn the_outbox_conforms(server: &Server) {
    block_on(outbox::run_all(async || Database::new(server.connection(), FeedMode::ChangeTracking).await));
}

pub(crate) fn the_parking_conforms(server: &Server) {
    block_on(parking::run_all(async || Database::new(server.connection(), FeedMode::ChangeTracking).await));
}

pub(crate) fn the_notifications_conform(server: &Server) {
    block_on(notifications::run_all(async || Database::new(server.connection(), FeedMode::ChangeTracking).await));
}
