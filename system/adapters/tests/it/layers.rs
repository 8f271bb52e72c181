//! Deadlines and counts around any adapter.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::layers::meter::{Call, MeterBus, MeterLeases, MeterOutbox, MeterParking, MeterShared, MeterStore};
use adapters::layers::timeout::{
    TimeoutBus, TimeoutFeed, TimeoutLeases, TimeoutOutbox, TimeoutParking, TimeoutShared, TimeoutStore,
};
use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryStore, MemoryStoreConfig};
use adapters::system::SystemClock;
use async_trait::async_trait;
use coherence::{
    FencingToken, FillOutcome, FillToken, Incarnation, Key, SharedError, SharedLookup, SharedTier, SharedValue,
    SharedWrite, StreamEpoch, Version, VersionId, WriteOutcome,
};
use domain::conformance::samples::{commit, everything, id, message, parked, put, row};
use domain::model::{Forecast, ForecastId, NaturalKey};
use domain::ports::*;
use tokio::time::Instant;
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(2);

/// A backend that never answers, whatever it is asked.
#[derive(Clone)]
struct Silent;

#[async_trait]
impl Store for Silent {
    async fn get(&self, _: ForecastId) -> Result<Lookup, StoreError> {
        pending().await
    }
    async fn list(&self, _: &ListQuery) -> Result<ListPage, StoreError> {
        pending().await
    }
    async fn find(&self, _: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        pending().await
    }
    async fn commit(&self, _: WriteSet) -> Result<Committed, StoreError> {
        pending().await
    }
    async fn idempotency(&self, _: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        pending().await
    }
    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        pending().await
    }
    async fn versions(&self, _: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        pending().await
    }
    async fn raise_incarnation(&self, _: Incarnation) -> Result<Incarnation, StoreError> {
        pending().await
    }
}

#[async_trait]
impl ChangeFeed for Silent {
    async fn read(&self, _: FeedPosition, _: u32) -> Result<FeedBatch, FeedError> {
        pending().await
    }
    async fn end(&self) -> Result<FeedPosition, FeedError> {
        pending().await
    }
}

/// Its subscriptions answer, so that there is a consumer to be silent.
#[async_trait]
impl Bus for Silent {
    async fn publish(&self, _: Topic, _: Outgoing) -> Result<MessageId, BusError> {
        pending().await
    }
    async fn publish_all(&self, _: Topic, _: Vec<Outgoing>) -> Result<(), BusError> {
        pending().await
    }
    async fn last(&self, _: Topic) -> Result<Option<BusMessage>, BusError> {
        pending().await
    }
    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        match subscription.durable {
            true => pending().await,
            false => Ok(Box::new(Silent)),
        }
    }
    async fn unsubscribe(&self, _: Topic, _: &str) -> Result<(), BusError> {
        pending().await
    }
}

#[async_trait]
impl Consumer for Silent {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        pending().await
    }
    async fn ack(&mut self, _: MessageId) -> Result<(), BusError> {
        pending().await
    }
    async fn ack_through(&mut self, _: MessageId) -> Result<(), BusError> {
        pending().await
    }
    async fn nack(&mut self, _: MessageId) -> Result<(), BusError> {
        pending().await
    }
}

#[async_trait]
impl Leases for Silent {
    async fn acquire(&self, _: LeaseName, _: Uuid, _: Duration) -> Result<Acquired, StoreError> {
        pending().await
    }
    async fn renew(&self, _: LeaseName, _: FencingToken, _: Duration) -> Result<bool, StoreError> {
        pending().await
    }
    async fn release(&self, _: LeaseName, _: FencingToken) -> Result<(), StoreError> {
        pending().await
    }
    async fn move_cursor(&self, _: LeaseName, _: FencingToken, _: FeedPosition) -> Result<bool, StoreError> {
        pending().await
    }
}

#[async_trait]
impl Outbox for Silent {
    async fn pending(&self, _: u32) -> Result<Vec<OutboxRow>, StoreError> {
        pending().await
    }
    async fn mark_sent(&self, _: &[OutboxId]) -> Result<(), StoreError> {
        pending().await
    }
}

#[async_trait]
impl Parking for Silent {
    async fn park(&self, _: ParkedEvent) -> Result<(), StoreError> {
        pending().await
    }
    async fn parked(&self, _: u32) -> Result<Vec<ParkedEvent>, StoreError> {
        pending().await
    }
    async fn get(&self, _: ParkedId) -> Result<Option<ParkedEvent>, StoreError> {
        pending().await
    }
    async fn discard(&self, _: ParkedId) -> Result<bool, StoreError> {
        pending().await
    }
}

#[async_trait]
impl SharedTier for Silent {
    async fn get(&self, _: &Key, _: FillToken, _: StreamEpoch) -> Result<SharedLookup, SharedError> {
        pending().await
    }
    async fn fill(&self, _: &Key, _: FillToken, _: SharedValue, _: Duration) -> Result<FillOutcome, SharedError> {
        pending().await
    }
    async fn raise(&self, _: &Key, _: Version) -> Result<(), SharedError> {
        pending().await
    }
    async fn write(&self, _: &Key, _: SharedWrite) -> Result<WriteOutcome, SharedError> {
        pending().await
    }
    async fn versions(&self, _: &[Key], _: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        pending().await
    }
    async fn drop_key(&self, _: &Key) -> Result<(), SharedError> {
        pending().await
    }
}

fn subscription(durable: bool) -> Subscription {
    let (topic, name) = (Topic::CdcForecasts, "s".to_owned());
    Subscription { topic, name, kind: SubscriptionKind::Exclusive, durable, start: StartAt::Latest }
}

/// Each call ends with its port's `Timeout`, at the deadline.
macro_rules! assert_timed_out {
    ($error:ident: $($call:expr),* $(,)?) => {
        $({
            let begun = Instant::now();
            let answer = $call.await;
            assert!(matches!(answer, Err($error::Timeout)), "{}", stringify!($call));
            assert_eq!(begun.elapsed().as_secs(), DEADLINE.as_secs(), "{}", stringify!($call));
        })*
    };
}

#[tokio::test(start_paused = true)]
async fn every_call_on_a_silent_backend_ends_at_the_deadline() {
    let store = TimeoutStore::new(Arc::new(Silent), DEADLINE);
    let incarnation = Incarnation(1);
    let set = WriteSet { incarnation, rows: vec![put(&row(1))], outbox: vec![], idempotency: None, traceparent: None };
    let key = IdempotencyKey { caller: domain::model::UserId(id(1).0), key: "k".to_owned() };
    assert_timed_out!(StoreError:
        store.get(id(1)), store.list(&everything(1)), store.find(&[]), store.commit(set.clone()),
        store.idempotency(&key), store.incarnation(), store.versions(&[]), store.raise_incarnation(Incarnation(0)),
    );
    let (leases, tracker, token) =
        (TimeoutLeases::new(Arc::new(Silent), DEADLINE), LeaseName::Tracker, FencingToken(1));
    assert_timed_out!(StoreError:
        leases.acquire(tracker, id(1).0, DEADLINE), leases.renew(tracker, token, DEADLINE),
        leases.release(tracker, token), leases.move_cursor(tracker, token, FeedPosition(1)),
    );
    let outbox = TimeoutOutbox::new(Arc::new(Silent), DEADLINE);
    assert_timed_out!(StoreError: outbox.pending(1), outbox.mark_sent(&[]));
    let parking = TimeoutParking::new(Arc::new(Silent), DEADLINE);
    assert_timed_out!(StoreError:
        parking.park(parked(1)), parking.parked(1), parking.get(parked(1).id), parking.discard(parked(1).id),
    );
    let feed = TimeoutFeed::new(Arc::new(Silent), DEADLINE);
    assert_timed_out!(FeedError: feed.read(FeedPosition(0), 1), feed.end());
    let bus = TimeoutBus::new(Arc::new(Silent), DEADLINE);
    let mut consumer = bus.subscribe(subscription(false)).await.unwrap();
    assert_timed_out!(BusError:
        bus.publish(Topic::CdcForecasts, message("m")), bus.publish_all(Topic::CdcForecasts, Vec::new()),
        bus.last(Topic::CdcForecasts), bus.subscribe(subscription(true)),
        bus.unsubscribe(Topic::CdcForecasts, "s"),
        consumer.ack(MessageId(1)), consumer.ack_through(MessageId(1)), consumer.nack(MessageId(1)),
    );
    let waited = tokio::time::timeout(100 * DEADLINE, consumer.next()).await;
    assert!(waited.is_err(), "waiting for a message has no deadline");
    let (shared, key) = (TimeoutShared::new(Arc::new(Silent), DEADLINE), Key::prefixed("k:", 1));
    let value = SharedValue {
        version: Version::ZERO,
        body: "{}".into(),
        tags: Arc::from([]),
        age: Duration::ZERO,
        epoch: StreamEpoch(0),
    };
    assert_timed_out!(SharedError:
        shared.get(&key, FillToken(1), StreamEpoch(0)), shared.fill(&key, FillToken(1), value.clone(), DEADLINE),
        shared.raise(&key, Version::ZERO), shared.drop_key(&key),
    );
}

#[tokio::test]
async fn what_answers_in_time_passes_through() {
    let bus = MemoryBus::new(MemoryBusConfig::default(), Arc::new(SystemClock));
    let inner = MemoryStore::new(MemoryStoreConfig::default(), bus, Arc::new(SystemClock));
    let store = TimeoutStore::new(Arc::new(inner), DEADLINE);
    commit(&store, vec![put(&row(1))]).await.unwrap();
    assert!(matches!(commit(&store, vec![put(&row(1))]).await, Err(StoreError::Conflict { .. })));
    assert_eq!(store.list(&everything(1)).await.unwrap().items, [row(1)]);
}

#[tokio::test]
async fn a_meter_is_told_of_each_call_and_its_error() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&calls);
    let meter = Arc::new(move |call: Call| told.lock().unwrap().push((call.port, call.method, call.error)));
    let bus = MemoryBus::new(MemoryBusConfig::default(), Arc::new(SystemClock));
    let inner = MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), Arc::new(SystemClock));
    let store = MeterStore::new(Arc::new(inner.clone()), meter.clone());
    let bus = MeterBus::new(Arc::new(bus), meter.clone());
    let shared = MeterShared::new(Arc::new(TimeoutShared::new(Arc::new(Silent), Duration::ZERO)), meter.clone());
    let leases = MeterLeases::new(Arc::new(inner.clone()), meter.clone());
    let outbox = MeterOutbox::new(Arc::new(inner.clone()), meter.clone());
    let parking = MeterParking::new(Arc::new(TimeoutParking::new(Arc::new(Silent), Duration::ZERO)), meter);
    commit(&store, vec![put(&row(1))]).await.unwrap();
    commit(&store, vec![put(&row(1))]).await.unwrap_err();
    let mut consumer = bus.subscribe(subscription(true)).await.unwrap();
    let id = bus.publish(Topic::CdcForecasts, message("m")).await.unwrap();
    consumer.next().await.unwrap();
    consumer.ack(id).await.unwrap();
    shared.drop_key(&Key::prefixed("k:", 1)).await.unwrap_err();
    leases.release(LeaseName::Sync, FencingToken(1)).await.unwrap();
    assert_eq!(outbox.pending(1).await.unwrap(), []);
    parking.discard(parked(1).id).await.unwrap_err();
    let expected = [
        ("store", "incarnation", None),
        ("store", "commit", None),
        ("store", "incarnation", None),
        ("store", "commit", Some("conflict")),
        ("bus", "subscribe", None),
        ("bus", "publish", None),
        ("bus", "next", None),
        ("bus", "ack", None),
        ("shared", "drop_key", Some("timeout")),
        ("leases", "release", None),
        ("outbox", "pending", None),
        ("parking", "discard", Some("timeout")),
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
}

/// A feed whose pages take their time.
struct Slow {
    page: Duration,
    is_dead: bool,
}

#[async_trait]
impl ChangeFeed for Slow {
    async fn read(&self, after: FeedPosition, _: u32) -> Result<FeedBatch, FeedError> {
        tokio::time::sleep(self.page).await;
        Ok(FeedBatch { changes: Vec::new(), position: after, at_end: true, behind: Duration::ZERO })
    }
    async fn end(&self) -> Result<FeedPosition, FeedError> {
        if self.is_dead { pending().await } else { Ok(FeedPosition(0)) }
    }
}

/// A page that takes longer than the deadline is read in the end; a feed that is dead is given no more time.
#[tokio::test(start_paused = true)]
async fn a_page_that_takes_long_is_read_in_the_end() {
    for (page, is_dead, tries) in [(5, false, 3), (31, false, 5), (60, false, 0), (5, true, 0)] {
        let slow = Slow { page: Duration::from_secs(page), is_dead };
        let feed = TimeoutFeed::new(Arc::new(slow), DEADLINE);
        let mut read = Vec::new();
        for _ in 0..8 {
            let since = Instant::now();
            read.push((feed.read(FeedPosition(0), 1).await.is_ok(), since.elapsed()));
        }
        let first = read.iter().position(|(ok, _)| *ok).map_or(0, |at| at + 1);
        assert_eq!(first, tries, "{read:?}");
        if tries > 0 {
            assert!(read[first..].iter().all(|(ok, _)| *ok), "the next pages are given as long: {read:?}");
        }
        if is_dead {
            assert!(read.iter().all(|(_, took)| *took == DEADLINE), "{read:?}");
        }
        assert!(read.iter().all(|(_, took)| *took <= 16 * DEADLINE), "{read:?}");
    }
}
