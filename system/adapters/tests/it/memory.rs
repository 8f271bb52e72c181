//! The memory adapters: what is theirs alone (faults, retention under tokio's time, one lock for rows and events).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryStore, MemoryStoreConfig};
use bytes::Bytes;
use coherence::{Incarnation, Timestamp, VersionId, WallClock};
use domain::conformance::samples::parked;
use domain::model::{CompanyId, Forecast, ForecastId, Status, UnitId};
use domain::ports::{
    Bus, BusError, COMPACTED, ChangeFeed, Consumer, Delivery, FeedError, FeedPosition, Lookup, MessageId, Operation,
    Outbox, OutboxEvent, Outgoing, PARKED_MAX, Parking, RowWrite, StartAt, Store, StoreError, Subscription,
    SubscriptionKind, Topic, WriteSet,
};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

const TOPIC: Topic = Topic::ForecastInvalidation;

/// Wall time that follows tokio's paused time.
struct Clock(Instant);

impl WallClock for Clock {
    fn now(&self) -> Timestamp {
        const START: i128 = 1_762_943_400_000_000_000;
        Timestamp::from_nanosecond(START + i128::try_from(self.0.elapsed().as_nanos()).unwrap()).unwrap()
    }
}

fn clock() -> Arc<dyn WallClock> {
    Arc::new(Clock(Instant::now()))
}

fn bus(config: MemoryBusConfig) -> MemoryBus {
    MemoryBus::new(config, clock())
}

fn message(text: &str) -> Outgoing {
    Outgoing { key: "k".to_owned(), payload: Bytes::from(format!("\"{text}\"")), properties: BTreeMap::new() }
}

fn subscription(kind: SubscriptionKind, durable: bool) -> Subscription {
    Subscription { topic: TOPIC, name: "s".to_owned(), kind, durable, start: StartAt::Earliest }
}

async fn publish(bus: &MemoryBus, texts: &[&str]) {
    for text in texts {
        bus.publish(TOPIC, message(text)).await.unwrap();
    }
}

/// The next message, with how often it came before; `None` if there is none within ten seconds.
async fn next(consumer: &mut Box<dyn Consumer>) -> Option<(MessageId, String, u32)> {
    match timeout(Duration::from_secs(10), consumer.next()).await.ok()?.unwrap() {
        Delivery::Message(message) => {
            let text = String::from_utf8(message.message.payload.to_vec()).unwrap();
            Some((message.id, text.trim_matches('"').to_owned(), message.redeliveries))
        }
        other => panic!("expected a message, got {other:?}"),
    }
}

async fn text(consumer: &mut Box<dyn Consumer>) -> Option<String> {
    next(consumer).await.map(|(_, text, _)| text)
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_comes_again_and_what_is_does_not() {
    let bus = bus(MemoryBusConfig::default());
    let mut consumer = bus.subscribe(subscription(SubscriptionKind::Shared, true)).await.unwrap();
    publish(&bus, &["a", "b"]).await;
    let (a, ..) = next(&mut consumer).await.unwrap();
    let (b, ..) = next(&mut consumer).await.unwrap();
    consumer.ack(a).await.unwrap();
    consumer.nack(b).await.unwrap();
    let given_back = Instant::now();
    assert_eq!(next(&mut consumer).await, Some((b, "b".to_owned(), 1)));
    assert_eq!(given_back.elapsed().as_secs(), 1, "the redelivery delay");
    assert_eq!(next(&mut consumer).await, None);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(next(&mut consumer).await, Some((b, "b".to_owned(), 2)), "after the redelivery timeout");
}

#[tokio::test(start_paused = true)]
async fn one_consumer_of_an_exclusive_subscription_receives_and_its_successor_starts_over_in_order() {
    let bus = bus(MemoryBusConfig::default());
    let mut first = bus.subscribe(subscription(SubscriptionKind::Exclusive, true)).await.unwrap();
    let mut standby = bus.subscribe(subscription(SubscriptionKind::Exclusive, true)).await.unwrap();
    publish(&bus, &["a", "b", "c"]).await;
    assert_eq!(next(&mut standby).await, None, "it waits");
    let (a, ..) = next(&mut first).await.unwrap();
    next(&mut first).await.unwrap();
    first.ack_through(a).await.unwrap();
    drop(first);
    assert_eq!(next(&mut standby).await.map(|(_, text, again)| (text, again)), Some(("b".to_owned(), 1)));
    assert_eq!(text(&mut standby).await.as_deref(), Some("c"));
}

#[tokio::test(start_paused = true)]
async fn a_shared_subscription_gives_each_message_to_one_and_frees_what_a_leaver_held() {
    let bus = bus(MemoryBusConfig { unacked_max: 2, ..MemoryBusConfig::default() });
    let mut one = bus.subscribe(subscription(SubscriptionKind::Shared, true)).await.unwrap();
    let mut two = bus.subscribe(subscription(SubscriptionKind::Shared, true)).await.unwrap();
    publish(&bus, &["a", "b", "c"]).await;
    assert_eq!(text(&mut one).await.as_deref(), Some("a"));
    let (b, received, _) = next(&mut two).await.unwrap();
    assert_eq!(received, "b");
    assert_eq!(next(&mut two).await, None, "two are not acknowledged: the third waits");
    two.ack(b).await.unwrap();
    assert_eq!(text(&mut two).await.as_deref(), Some("c"));
    drop(one);
    assert_eq!(next(&mut two).await.map(|(_, text, again)| (text, again)), Some(("a".to_owned(), 1)));
}

#[tokio::test(start_paused = true)]
async fn a_cut_connection_is_told_once_and_costs_a_non_durable_subscription_what_it_missed() {
    let bus = bus(MemoryBusConfig::default());
    let store = MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), clock());
    let name = |name: &str, durable| Subscription {
        name: name.to_owned(),
        ..subscription(SubscriptionKind::Exclusive, durable)
    };
    let mut durable = bus.subscribe(name("durable", true)).await.unwrap();
    let mut fleeting = bus.subscribe(name("fleeting", false)).await.unwrap();
    publish(&bus, &["before"]).await;
    let (before, ..) = next(&mut durable).await.unwrap();
    bus.faults().cut();
    assert!(matches!(bus.publish(TOPIC, message("x")).await, Err(BusError::Unavailable(_))));
    assert!(matches!(durable.ack(before).await, Err(BusError::Unavailable(_))));
    assert!(matches!(bus.subscribe(name("new", true)).await, Err(BusError::Unavailable(_))));
    store.commit(write(row(1), 0, &["meanwhile"])).await.unwrap();
    for consumer in [&mut durable, &mut fleeting] {
        assert_eq!(consumer.next().await.unwrap(), Delivery::Lost);
        assert!(timeout(Duration::from_secs(100), consumer.next()).await.is_err(), "nothing comes through");
    }
    bus.faults().heal();
    publish(&bus, &["after"]).await;
    for consumer in [&mut durable, &mut fleeting] {
        assert_eq!(consumer.next().await.unwrap(), Delivery::Restored);
    }
    for expected in ["before", "meanwhile", "after"] {
        assert_eq!(text(&mut durable).await.as_deref(), Some(expected));
    }
    assert_eq!(text(&mut fleeting).await.as_deref(), Some("after"));
    // Cut and mended between two looks: both are told all the same.
    bus.faults().cut();
    bus.faults().heal();
    assert_eq!(fleeting.next().await.unwrap(), Delivery::Lost);
    assert_eq!(fleeting.next().await.unwrap(), Delivery::Restored);
}

#[tokio::test(start_paused = true)]
async fn topics_forget_by_age_and_refuse_by_size() {
    let limits = MemoryBusConfig { retention: Duration::from_secs(100), max_bytes: 100, ..MemoryBusConfig::default() };
    let bus = bus(limits);
    let store = MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), clock());
    publish(&bus, &["a", "b"]).await;
    assert!(matches!(bus.publish(TOPIC, message("c")).await, Err(BusError::Full(_))));
    assert!(matches!(store.commit(write(row(1), 0, &["c"])).await, Err(StoreError::Full(_))));
    assert!(matches!(Store::get(&store, row(1).id).await, Ok(Lookup::Absent { .. })), "nothing was written");
    tokio::time::sleep(Duration::from_secs(100)).await;
    publish(&bus, &["c"]).await;
    let mut consumer = bus.subscribe(subscription(SubscriptionKind::Shared, true)).await.unwrap();
    assert_eq!(text(&mut consumer).await.as_deref(), Some("c"));
}

/// The next message's text; it is acknowledged.
async fn acknowledged(consumer: &mut Box<dyn Consumer>) -> Option<String> {
    let (id, text, _) = next(consumer).await?;
    consumer.ack(id).await.unwrap();
    Some(text)
}

/// As with a broker's quota: only a backlog fills the bus.
#[tokio::test(start_paused = true)]
async fn what_every_subscription_has_acknowledged_makes_room() {
    let bus = bus(MemoryBusConfig { max_bytes: 2_000, ..MemoryBusConfig::default() });
    let slow = Subscription { name: "slow".to_owned(), ..subscription(SubscriptionKind::Shared, true) };
    let mut consumer = bus.subscribe(subscription(SubscriptionKind::Shared, true)).await.unwrap();
    for n in 0..200 {
        publish(&bus, &[&n.to_string()]).await;
        assert_eq!(acknowledged(&mut consumer).await, Some(n.to_string()));
    }
    let mut slow = bus.subscribe(slow).await.unwrap();
    let first_left: usize = acknowledged(&mut slow).await.unwrap().parse().unwrap();
    assert!(first_left > 100, "{first_left} is still there");
    // What one of them has not read keeps its place, and all that comes after it.
    let mut taken = 0;
    while bus.publish(TOPIC, message("more")).await.is_ok() {
        assert_eq!(acknowledged(&mut consumer).await.as_deref(), Some("more"));
        taken += 1;
        assert!(taken < 200, "the bus is bounded");
    }
    assert!(matches!(bus.publish(TOPIC, message("x")).await, Err(BusError::Full(_))));
    for n in first_left + 1..200 {
        assert_eq!(acknowledged(&mut slow).await, Some(n.to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_wire_form_cannot_be_published() {
    let bus = bus(MemoryBusConfig::default());
    let payload = Bytes::from_static(b"\xff");
    let result = bus.publish(TOPIC, Outgoing { payload, ..message("x") }).await;
    assert!(matches!(result, Err(BusError::Corrupt(_))));
}

fn row(id: u128) -> Forecast {
    let time: Timestamp = "2025-11-12T10:30:00Z".parse().unwrap();
    Forecast {
        id: ForecastId(Uuid::from_u128(id)),
        company_id: CompanyId(Uuid::from_u128(1)),
        production_unit_id: UnitId(Uuid::from_u128(id)),
        provider_id: None,
        forecast_date: time,
        demand: 1.0,
        supply: None,
        confidence_level: 1.0,
        status: Status::Pending,
        tags: Vec::new(),
        created_at: time,
        updated_at: time,
        version_id: VersionId(1),
    }
}

fn write(row: Forecast, expected: u64, events: &[&str]) -> WriteSet {
    WriteSet {
        incarnation: Incarnation(1),
        rows: vec![RowWrite { id: row.id, expected: VersionId(expected), after: Some(row) }],
        outbox: events.iter().map(|event| OutboxEvent { topic: TOPIC, message: message(event) }).collect(),
        idempotency: None,
        traceparent: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_commit_publishes_nothing() {
    let bus = bus(MemoryBusConfig::default());
    let store = MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), clock());
    let mut consumer = bus.subscribe(subscription(SubscriptionKind::Exclusive, true)).await.unwrap();
    store.commit(write(row(1), 0, &["a", "b"])).await.unwrap();
    assert!(matches!(store.commit(write(row(1), 0, &["c"])).await, Err(StoreError::Conflict { .. })));
    let same_key = Forecast { production_unit_id: row(1).production_unit_id, ..row(2) };
    let taken = store.commit(write(same_key, 0, &["d"])).await;
    assert!(matches!(taken, Err(StoreError::NaturalKeyTaken { existing }) if existing == row(1).id));
    store.commit(write(row(3), 0, &["e"])).await.unwrap();
    for expected in ["a", "b", "e"] {
        assert_eq!(text(&mut consumer).await.as_deref(), Some(expected));
    }
    assert_eq!(store.read(FeedPosition(0), 10).await.unwrap().changes.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_feed_forgets_by_age_and_says_so() {
    let limits = MemoryStoreConfig {
        retention: Duration::from_secs(100),
        tombstone_retention: Duration::from_secs(300),
        ..MemoryStoreConfig::default()
    };
    let store = MemoryStore::new(limits, bus(MemoryBusConfig::default()), clock());
    store.commit(write(row(1), 0, &[])).await.unwrap();
    let delete = RowWrite { id: row(1).id, expected: VersionId(1), after: None };
    store.commit(WriteSet { rows: vec![delete], ..write(row(1), 0, &[]) }).await.unwrap();
    let batch = store.read(FeedPosition(0), 1).await.unwrap();
    assert_eq!((batch.changes[0].operation, batch.position, batch.at_end), (Operation::Insert, FeedPosition(1), false));
    let rest = store.read(batch.position, 10).await.unwrap();
    assert_eq!(
        (rest.changes[0].operation, rest.changes[0].version.id, rest.at_end),
        (Operation::Delete, VersionId(2), true)
    );
    assert_eq!(rest.changes[0].before, Some(row(1).placement()));

    tokio::time::sleep(Duration::from_secs(100)).await;
    store.commit(write(row(2), 0, &[])).await.unwrap();
    let behind = store.read(FeedPosition(1), 10).await;
    assert!(matches!(behind, Err(FeedError::BehindMinimum { minimum: FeedPosition(2) })), "{behind:?}");
    assert_eq!(store.read(FeedPosition(2), 10).await.unwrap().changes.len(), 1);
    assert_eq!(store.end().await.unwrap(), FeedPosition(3));
    assert_eq!(Store::get(&store, row(1).id).await.unwrap().version().id, VersionId(2), "tombstones outlive the feed");
    let again = Forecast { version_id: VersionId(3), ..row(1) };
    store.commit(write(again, 2, &[])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_outbox_refuses_commits_with_events_until_some_are_sent() {
    let config = MemoryStoreConfig { outbox_bytes_max: 10, ..MemoryStoreConfig::default() };
    let store = MemoryStore::with_outbox(config, clock());
    store.commit(write(row(1), 0, &["a", "b"])).await.unwrap();
    let refused = store.commit(write(row(2), 0, &["c"])).await;
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    store.commit(write(row(2), 0, &[])).await.unwrap();
    let pending = store.pending(10).await.unwrap();
    store.mark_sent(&[pending[0].id]).await.unwrap();
    store.commit(write(row(3), 0, &["c"])).await.unwrap();
    assert_eq!(store.pending(10).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_the_event_that_was_parked_first_goes() {
    let store = MemoryStore::new(MemoryStoreConfig::default(), bus(MemoryBusConfig::default()), clock());
    let most = u32::try_from(PARKED_MAX).unwrap();
    for n in (1..=most).chain([1]) {
        store.park(parked(n)).await.unwrap();
    }
    assert!(Parking::get(&store, parked(1).id).await.unwrap().is_some(), "as many as there may be");
    store.park(parked(most + 1)).await.unwrap();
    assert_eq!(Parking::get(&store, parked(1).id).await.unwrap(), None);
    let all = store.parked(u32::MAX).await.unwrap();
    assert_eq!((all.len(), &all[0]), (PARKED_MAX, &parked(most + 1)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_repeats_for_ever_fills_no_topic() {
    let bus = bus(MemoryBusConfig { max_bytes: 1_000, ..MemoryBusConfig::default() });
    let mut beacon = message("beacon");
    beacon.properties.insert(COMPACTED.to_owned(), "true".to_owned());
    for _ in 0..10_000 {
        bus.publish(TOPIC, beacon.clone()).await.unwrap();
    }
    let mut consumer = bus.subscribe(subscription(SubscriptionKind::Exclusive, true)).await.unwrap();
    let (last, ..) = next(&mut consumer).await.unwrap();
    assert_eq!((last, next(&mut consumer).await), (MessageId(10_000), None));
    // What is not acknowledged stays, and is what fills the topic.
    let published = futures_util::future::join_all((0..100).map(|_| bus.publish(TOPIC, beacon.clone()))).await;
    assert!(matches!(published.last(), Some(Err(BusError::Full(_)))), "{published:?}");
}
