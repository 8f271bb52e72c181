//! SQL Server, where one is given: `SMARTPULSE_TEST_SQLSERVER_URL`, a connection string whose login may create databases.
//! Without it each suite says so and passes, unless `SMARTPULSE_REQUIRE` names `sqlserver`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::sqlserver::testing::ScratchDatabase;
use adapters::sqlserver::{FeedMode, SqlServer};
use adapters::system::SystemClock;
use async_trait::async_trait;
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

const SERVER: &str = "SMARTPULSE_TEST_SQLSERVER_URL";

/// What is written to see that the Agent's job is at work: it looks each second.
const RENEW_EVERY: Duration = Duration::from_millis(300);

/// The connection string, or a word about its absence.
fn server() -> Option<String> {
    if let Some(connection) = std::env::var(SERVER).ok().filter(|text| !text.trim().is_empty()) {
        return Some(connection);
    }
    let required = std::env::var("SMARTPULSE_REQUIRE").unwrap_or_default();
    assert!(
        !required.split([',', ' ']).any(|part| part == "sqlserver"),
        "sqlserver is required, and {SERVER} is not set"
    );
    let why = format!("SKIPPED: no SQL Server ({SERVER} is not set)\n");
    // Not by `eprintln!`: the test runner keeps that of a test that passes.
    std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes()).unwrap();
    None
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
        let server = SqlServer::open(scratch.config.clone(), Arc::new(SystemClock)).await.unwrap();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_conforms() {
    let Some(server) = server() else { return };
    store::run_all(async || Database::new(&server, FeedMode::ChangeTracking).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_conforms() {
    let Some(server) = server() else { return };
    feed::run_all(async || Database::new(&server, FeedMode::ChangeTracking).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_of_cdc_conforms() {
    let Some(server) = server() else { return };
    feed::run_all(async || Database::new(&server, FeedMode::Cdc).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leases_conform() {
    let Some(server) = server() else { return };
    lease::run_all(async || Database::new(&server, FeedMode::ChangeTracking).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outbox_conforms() {
    let Some(server) = server() else { return };
    outbox::run_all(async || Database::new(&server, FeedMode::ChangeTracking).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parking_conforms() {
    let Some(server) = server() else { return };
    parking::run_all(async || Database::new(&server, FeedMode::ChangeTracking).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_notifications_conform() {
    let Some(server) = server() else { return };
    notifications::run_all(async || Database::new(&server, FeedMode::ChangeTracking).await).await;
}
