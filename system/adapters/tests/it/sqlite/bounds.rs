//! Sizes and ages: what is refused, and what is forgotten.

use std::time::Duration;

use domain::conformance::samples::{committed, delete, event, id, look, message, put, row, set};
use domain::ports::{
    Bus, BusError, ChangeFeed, Consumer, Delivery, FeedPosition, StartAt, Store, StoreError, Subscription,
    SubscriptionKind, Topic,
};
use tokio::time::timeout;

use super::{Database, HOURS};

const TOPIC: Topic = Topic::ForecastUpdated;

fn subscription(topic: Topic) -> Subscription {
    let name = "s".to_owned();
    Subscription { topic, name, kind: SubscriptionKind::Shared, durable: true, start: StartAt::Earliest }
}

async fn received(consumer: &mut Box<dyn Consumer>) -> Vec<String> {
    let mut texts = Vec::new();
    while let Ok(next) = timeout(Duration::from_millis(300), consumer.next()).await {
        if let Delivery::Message(message) = next.unwrap() {
            consumer.ack(message.id).await.unwrap();
            texts.push(message.message.key.trim_start_matches("key-").to_owned());
        }
    }
    texts
}

/// How many messages `bus` takes before it is full.
async fn fill(bus: &dyn Bus, topic: Topic) -> usize {
    for n in 0..1_000 {
        match bus.publish(topic, message(&n.to_string())).await {
            Ok(_) => {}
            Err(BusError::Full(_)) => return n,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the bus is bounded, and yet takes a thousand messages")
}

#[tokio::test]
async fn a_full_bus_refuses_messages_and_commits_with_events_and_nothing_else() {
    let database = Database::with(|config| config.max_bytes = 10_000).await;
    let (store, bus) = (database.sqlite.store(), database.sqlite.bus());
    let taken = fill(&bus, TOPIC).await;
    assert!((20..100).contains(&taken), "{taken} messages in 10,000 bytes");
    let mut full = set(&store, vec![put(&row(1))]).await;
    full.outbox.push(event(TOPIC, "one more"));
    let refused = store.commit(full).await.unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)) && refused.is_retryable(), "{refused:?}");
    assert_eq!(look(&store, id(1)).await.2.0, 0, "nothing of it is written");
    assert_eq!(database.sqlite.feed().end().await.unwrap(), FeedPosition(0));
    committed(&store, vec![put(&row(1))]).await;
    // What was accepted is all there, and its size is known to another opening of the file.
    let another = database.another().await;
    assert!(matches!(another.bus().publish(TOPIC, message("x")).await, Err(BusError::Full(_))));
    let mut consumer = bus.subscribe(subscription(TOPIC)).await.unwrap();
    assert_eq!(received(&mut consumer).await.len(), taken);
}

#[tokio::test]
async fn messages_are_forgotten_by_age_acknowledged_or_not() {
    let database = Database::with(|config| config.max_bytes = 10_000).await;
    let bus = database.sqlite.bus();
    let mut consumer = bus.subscribe(subscription(TOPIC)).await.unwrap();
    let taken = fill(&bus, TOPIC).await as u64;
    database.clock.advance(7 * 24 * HOURS - HOURS);
    assert_eq!(database.sqlite.prune().await.unwrap().messages, 0);
    database.clock.advance(2 * HOURS);
    assert_eq!(database.sqlite.prune().await.unwrap().messages, taken);
    // There is room again, and a cursor behind the retention goes on with what there is.
    assert_eq!(fill(&bus, TOPIC).await as u64, taken);
    let seen = received(&mut consumer).await;
    assert_eq!(seen.len() as u64, taken);
    assert_eq!(seen.first().map(String::as_str), Some("0"));
}

#[tokio::test]
async fn a_nearly_full_bus_gives_up_what_all_have_read_and_nothing_else() {
    let database = Database::with(|config| config.max_bytes = 20_000).await;
    let (sqlite, bus) = (&database.sqlite, database.sqlite.bus());
    let mut quick = bus.subscribe(subscription(TOPIC)).await.unwrap();
    let name = "slow".to_owned();
    let mut slow = bus.subscribe(Subscription { name, ..subscription(TOPIC) }).await.unwrap();
    let taken = fill(&bus, TOPIC).await;
    assert_eq!(received(&mut quick).await.len(), taken);
    for _ in 0..taken / 2 {
        let Delivery::Message(message) = slow.next().await.unwrap() else { panic!("a message was due") };
        slow.ack(message.id).await.unwrap();
    }
    tokio::time::sleep(database.config.flush_interval * 4).await;
    assert_eq!(sqlite.prune().await.unwrap().reclaimed, 0, "too young for those who keep no cursor");
    database.clock.advance(HOURS);
    let reclaimed = sqlite.prune().await.unwrap().reclaimed as usize;
    assert!(reclaimed > 0 && reclaimed <= taken / 2, "{reclaimed} of {taken}");
    bus.publish(TOPIC, message("again")).await.unwrap();
    let rest = received(&mut slow).await;
    assert_eq!(rest.len(), taken - taken / 2 + 1, "what was not acknowledged is still there");
}

#[tokio::test]
async fn changes_answers_and_tombstones_are_forgotten_each_in_its_time() {
    let database = Database::new().await;
    let store = database.sqlite.store();
    let mut with_answer = set(&store, vec![put(&row(1))]).await;
    let now = coherence::WallClock::now(&*database.clock);
    let hour = std::time::Duration::from_secs(3_600);
    with_answer.idempotency = Some(domain::ports::IdempotencyRecord {
        key: domain::ports::IdempotencyKey { caller: domain::model::UserId(id(1).0), key: "k".into() },
        fingerprint: 1,
        response: "r".into(),
        expires_at: now.checked_add(jiff::SignedDuration::try_from(hour).unwrap()).unwrap(),
    });
    store.commit(with_answer).await.unwrap();
    committed(&store, vec![put(&row(2)), delete(&row(1))]).await;
    let pruned = database.sqlite.prune().await.unwrap();
    assert_eq!(pruned, adapters::sqlite::Pruned::default());
    database.clock.advance(2 * HOURS);
    assert_eq!(database.sqlite.prune().await.unwrap().answers, 1);
    database.clock.advance(8 * 24 * HOURS);
    let pruned = database.sqlite.prune().await.unwrap();
    assert_eq!((pruned.changes, pruned.tombstones), (3, 0));
    assert_eq!(look(&store, id(1)).await.2.0, 2, "the tombstone outlives the feed");
    database.clock.advance(30 * 24 * HOURS);
    assert_eq!(database.sqlite.prune().await.unwrap().tombstones, 1);
    assert_eq!(look(&store, id(2)).await.0, Some(row(2)), "rows are never forgotten");
}

#[tokio::test]
async fn the_log_is_moved_into_the_database() {
    let database = Database::new().await;
    committed(&database.sqlite.store(), (1..=500).map(|n| put(&row(n))).collect()).await;
    let size = || std::fs::metadata(&database.config.path).unwrap().len();
    let before = size();
    database.sqlite.checkpoint().await.unwrap();
    assert!(size() > before, "the rows are in the database now");
}

/// The clock stood in the future for a while, and was put right.
#[tokio::test]
async fn what_came_while_the_clock_was_ahead_does_not_keep_what_follows() {
    const AHEAD: usize = 2_000;
    let database = Database::new().await;
    let store = database.sqlite.store();
    let publish = async |count: usize| {
        let mut set = set(&store, Vec::new()).await;
        set.outbox = (0..count).map(|n| event(TOPIC, &n.to_string())).collect();
        store.commit(set).await.unwrap();
    };
    database.clock.advance(365 * 24 * HOURS);
    publish(AHEAD).await;
    database.clock.advance(-365 * 24 * HOURS);
    publish(500).await;
    // The triggers' clock is the machine's; the test moves what they wrote.
    committed(&store, (1..=2_500).map(|n| put(&row(n))).collect()).await;
    let mut bare = database.bare().await;
    sqlx::query("UPDATE capture SET captured_at = captured_at + 365 * 86400000000 WHERE position <= 2000")
        .execute(&mut bare)
        .await
        .unwrap();
    database.clock.advance(30 * 24 * HOURS);
    let pruned = database.sqlite.prune().await.unwrap();
    assert_eq!((pruned.messages, pruned.changes), (500, 2_500));
}
