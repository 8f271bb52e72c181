//! The memory store as a database that is restored from a backup, whose feed forgot, and that is written behind the
//! system's back.

use std::sync::Arc;
use std::time::Duration;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryStore, MemoryStoreConfig};
use adapters::system::SystemClock;
use coherence::{Incarnation, VersionId};
use domain::conformance::samples::{changed, committed, company, delete, event, id, look, parked, put, row, set};
use domain::model::Forecast;
use domain::ports::{
    Acquired, Bus, ChangeFeed, FeedError, FeedPosition, Lease, LeaseName, Leases, Operation, Outbox, Parking, Store,
    StoreError, Topic,
};
use uuid::Uuid;

const LIFE: Duration = Duration::from_secs(60);

fn on_bus() -> (MemoryStore, MemoryBus) {
    let bus = MemoryBus::new(MemoryBusConfig::default(), Arc::new(SystemClock));
    (MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), Arc::new(SystemClock)), bus)
}

async fn lease(store: &MemoryStore) -> Lease {
    match store.acquire(LeaseName::Tracker, Uuid::from_u128(1), LIFE).await.unwrap() {
        Acquired::Held(lease) => lease,
        Acquired::Busy { .. } => panic!("nobody else asks"),
    }
}

#[tokio::test]
async fn everything_goes_back_to_the_snapshot_and_nothing_else_does() {
    let (store, bus) = on_bus();
    committed(&store, vec![put(&row(1)), put(&row(2))]).await;
    committed(&store, vec![delete(&row(2))]).await;
    let first = lease(&store).await;
    store.move_cursor(LeaseName::Tracker, first.token, FeedPosition(3)).await.unwrap();
    let snapshot = store.snapshot();

    let later = changed(&row(1), |row| row.demand = 1.0);
    let mut published = set(&store, vec![put(&later), put(&row(3))]).await;
    published.outbox.push(event(Topic::ForecastUpdated, "published"));
    store.commit(published).await.unwrap();
    store.raise_incarnation(Incarnation(9)).await.unwrap();
    let second = lease(&store).await;
    store.move_cursor(LeaseName::Tracker, second.token, FeedPosition(5)).await.unwrap();
    store.park(parked(1)).await.unwrap();

    store.restore(&snapshot);
    assert_eq!(look(&store, id(1)).await, (Some(row(1)), Incarnation(1), VersionId(1)));
    assert_eq!(look(&store, id(2)).await.2, VersionId(2), "the tombstone");
    assert_eq!(look(&store, id(3)).await.2, VersionId(0));
    assert_eq!(store.end().await.unwrap(), FeedPosition(3), "the feed's end went back");
    assert_eq!(store.parked(10).await.unwrap(), []);
    let again = lease(&store).await;
    assert_eq!((again.token, again.cursor), (first.token.next(), FeedPosition(3)), "tokens come again");
    let last = bus.last(Topic::ForecastUpdated).await.unwrap();
    assert!(last.is_some(), "what was published stays published");
    // It goes on from there, and can be restored once more.
    committed(&store, vec![put(&later)]).await;
    assert_eq!(store.end().await.unwrap(), FeedPosition(4));
    store.restore(&snapshot);
    assert_eq!(store.end().await.unwrap(), FeedPosition(3));
}

#[tokio::test]
async fn a_feed_that_forgot_says_so() {
    let (store, _) = on_bus();
    committed(&store, (1..=5).map(|n| put(&row(n))).collect()).await;
    store.forget_capture_before(FeedPosition(4));
    let behind = store.read(FeedPosition(2), 10).await;
    assert!(matches!(behind, Err(FeedError::BehindMinimum { minimum: FeedPosition(3) })), "{behind:?}");
    let rest = store.read(FeedPosition(3), 10).await.unwrap();
    assert_eq!(rest.changes.iter().map(|change| change.position.0).collect::<Vec<_>>(), [4, 5]);
    store.forget_capture_before(FeedPosition(2));
    assert!(store.read(FeedPosition(2), 10).await.is_err(), "what is forgotten does not come back");
    // All of it: the end stays where it is.
    store.forget_capture_before(FeedPosition(1_000));
    assert_eq!(store.end().await.unwrap(), FeedPosition(5));
    assert!(store.read(FeedPosition(4), 10).await.is_err());
    committed(&store, vec![put(&row(6))]).await;
    assert_eq!(store.read(FeedPosition(5), 10).await.unwrap().changes[0].id, id(6));
}

#[tokio::test]
async fn a_bare_statement_is_versioned_and_captured_and_tells_nobody() {
    let store = MemoryStore::with_outbox(MemoryStoreConfig::default(), Arc::new(SystemClock));
    assert_eq!(store.bare_insert(row(1)).unwrap(), VersionId(1));
    assert_eq!(store.bare_update(id(1), |row| row.company_id = company(2)).unwrap(), VersionId(2));
    // It cannot lower a version, nor change an id; a higher version counts.
    let meddle =
        |version: u64| store.bare_update(id(1), |row| (row.version_id, row.id) = (VersionId(version), id(7))).unwrap();
    assert_eq!([meddle(1), meddle(9)], [VersionId(3), VersionId(9)]);
    assert_eq!(store.bare_delete(id(1)).unwrap(), VersionId(10));
    assert_eq!(store.bare_insert(row(1)).unwrap(), VersionId(11), "it continues from the tombstone");
    assert_eq!(look(&store, id(1)).await.0, Some(Forecast { version_id: VersionId(11), ..row(1) }));

    let told = store.read(FeedPosition(0), 10).await.unwrap().changes;
    let what: Vec<_> = told.iter().map(|change| (change.operation, change.version.id.0)).collect();
    let expected = [
        (Operation::Insert, 1),
        (Operation::Update, 2),
        (Operation::Update, 3),
        (Operation::Update, 9),
        (Operation::Delete, 10),
        (Operation::Insert, 11),
    ];
    assert_eq!(what, expected);
    assert_eq!(told[1].before.map(|before| before.company_id), Some(company(1)));
    assert!(told.iter().all(|change| change.traceparent.is_none() && change.committed_at.is_some()));
    assert_eq!(store.pending(10).await.unwrap(), [], "no event is born");
}

#[tokio::test]
async fn a_bare_statement_that_a_database_would_refuse_changes_nothing() {
    let (store, _) = on_bus();
    committed(&store, vec![put(&row(1)), put(&row(2))]).await;
    let end = store.end().await.unwrap();
    let taken = store.bare_update(id(2), |other| other.forecast_date = row(1).forecast_date);
    assert!(matches!(taken, Err(StoreError::NaturalKeyTaken { existing }) if existing == id(1)), "{taken:?}");
    let taken = store.bare_insert(Forecast { id: id(3), ..row(1) });
    assert!(matches!(taken, Err(StoreError::NaturalKeyTaken { existing }) if existing == id(1)), "{taken:?}");
    for refused in [store.bare_insert(row(1)), store.bare_delete(id(3)), store.bare_update(id(3), |_| {})] {
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    assert_eq!(store.end().await.unwrap(), end);
    assert_eq!(look(&store, id(2)).await.0, Some(row(2)));
}
