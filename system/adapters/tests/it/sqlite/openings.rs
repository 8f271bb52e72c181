//! Opening the file: again, by several processes, by another release.

use std::sync::Arc;
use std::time::Duration;

use adapters::layers::timeout::TimeoutStore;
use adapters::sqlite::{Sqlite, SqliteConfig, SqliteError};
use adapters::system::SystemClock;
use domain::conformance::samples::{changed, commit, committed, event, look, message, put, row, set};
use domain::ports::{
    Bus, BusError, Consumer, Delivery, StartAt, Store, StoreError, Subscription, SubscriptionKind, Topic,
};
use futures_util::future::{join, join_all};
use tokio::time::timeout;

use super::Database;

const TOPIC: Topic = Topic::CdcForecasts;

fn subscription(kind: SubscriptionKind) -> Subscription {
    Subscription { topic: TOPIC, name: format!("{kind:?}"), kind, durable: true, start: StartAt::Earliest }
}

async fn text(consumer: &mut Box<dyn Consumer>) -> Option<String> {
    match timeout(Duration::from_millis(600), consumer.next()).await {
        Ok(Ok(Delivery::Message(message))) => {
            consumer.ack(message.id).await.unwrap();
            Some(message.message.key)
        }
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

#[tokio::test]
async fn what_is_no_database_of_this_release_is_refused_and_left_alone() {
    let database = Database::new().await;
    let mut bare = database.bare().await;
    sqlx::query("INSERT INTO schema_migrations (version) VALUES (99)").execute(&mut bare).await.unwrap();
    let newer = Sqlite::open(database.config.clone(), Arc::new(SystemClock)).await.err().unwrap();
    assert!(matches!(newer, SqliteError::NewerSchema { found: 99, known: 3 }), "{newer}");

    let path = database.folder.path().join("other.db");
    let other = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = sqlx::ConnectOptions::connect(&other).await.unwrap();
    sqlx::query("CREATE TABLE theirs (a)").execute(&mut other).await.unwrap();
    let foreign = Sqlite::open(SqliteConfig::new(&path), Arc::new(SystemClock)).await.err().unwrap();
    assert!(matches!(foreign, SqliteError::Foreign(_)), "{foreign}");
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut other).await.unwrap();
    assert_eq!(tables, 1);

    let path = database.folder.path().join("text.db");
    std::fs::write(&path, "certainly no database, but long enough to be read as one".repeat(100)).unwrap();
    assert!(Sqlite::open(SqliteConfig::new(&path), Arc::new(SystemClock)).await.is_err());
    assert!(Sqlite::open(SqliteConfig::new("/no/such/folder/x.db"), Arc::new(SystemClock)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_create_the_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(SqliteConfig::new(folder.path().join("new.db")), Arc::new(SystemClock));
    let opened = join_all((0..6).map(|_| open())).await;
    for sqlite in opened {
        assert_eq!(sqlite.unwrap().store().incarnation().await.unwrap().0, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_one_file_and_lose_no_update() {
    const EACH: u64 = 100;
    let database = Database::new().await;
    let another = database.another().await;
    committed(&database.sqlite.store(), vec![put(&row(1))]).await;
    let count = async |sqlite: Sqlite| {
        let store = sqlite.store();
        for _ in 0..EACH {
            loop {
                let present = look(&store, row(1).id).await.0.unwrap();
                match commit(&store, vec![put(&changed(&present, |row| row.demand += 1.0))]).await {
                    Ok(()) => break,
                    Err(StoreError::Conflict { .. }) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    };
    join(count(database.sqlite.clone()), count(another)).await;
    let present = look(&database.sqlite.store(), row(1).id).await.0.unwrap();
    assert_eq!(present.version_id.0, 1 + 2 * EACH);
    assert!((present.demand - row(1).demand - (2 * EACH) as f64).abs() < 1e-6);
}

#[tokio::test]
async fn messages_of_another_process_are_found() {
    let database = Database::new().await;
    let another = database.another().await;
    let mut consumer = database.sqlite.bus().subscribe(subscription(SubscriptionKind::Exclusive)).await.unwrap();
    for n in 0..3 {
        // The consumer waits already: it looks again by itself.
        let publishing = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            another.bus().publish(TOPIC, message(&n.to_string())).await.unwrap();
        };
        let (received, ()) = join(text(&mut consumer), publishing).await;
        assert_eq!(received, Some(format!("key-{n}")));
    }
}

#[tokio::test]
async fn messages_of_the_same_process_need_no_looking() {
    let database = Database::with(|config| config.poll_interval = Duration::from_secs(3_600)).await;
    let (store, bus) = (database.sqlite.store(), database.sqlite.bus());
    let mut consumer = bus.subscribe(subscription(SubscriptionKind::Exclusive)).await.unwrap();
    let publishing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bus.publish(TOPIC, message("published")).await.unwrap();
    };
    let (received, ()) = join(text(&mut consumer), publishing).await;
    assert_eq!(received.as_deref(), Some("key-published"));
    let committing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut set = set(&store, vec![put(&row(1))]).await;
        set.outbox.push(event(TOPIC, "committed"));
        store.commit(set).await.unwrap();
    };
    let (received, ()) = join(text(&mut consumer), committing).await;
    assert_eq!(received.as_deref(), Some("key-committed"));
}

#[tokio::test]
async fn one_process_serves_a_subscription_and_another_takes_over() {
    for kind in [SubscriptionKind::Exclusive, SubscriptionKind::Shared] {
        let database = Database::new().await;
        let another = database.another().await;
        let mut first = database.sqlite.bus().subscribe(subscription(kind)).await.unwrap();
        let mut second = another.bus().subscribe(subscription(kind)).await.unwrap();
        for n in 0..3 {
            another.bus().publish(TOPIC, message(&n.to_string())).await.unwrap();
        }
        assert_eq!(text(&mut first).await.as_deref(), Some("key-0"));
        assert_eq!(text(&mut second).await, None, "the first one serves it");
        let Delivery::Message(held) = first.next().await.unwrap() else { panic!("a message was due") };
        drop(first);
        assert_eq!(text(&mut second).await, Some(held.message.key), "what it held, and nothing acknowledged");
        assert_eq!(text(&mut second).await.as_deref(), Some("key-2"));
        assert_eq!(text(&mut second).await, None);
    }
}

#[tokio::test]
async fn a_closed_database_says_so() {
    let database = Database::new().await;
    let (store, bus) = (database.sqlite.store(), database.sqlite.bus());
    let mut consumer = bus.subscribe(subscription(SubscriptionKind::Shared)).await.unwrap();
    let (waiting, closing) = join(consumer.next(), database.sqlite.close()).await;
    closing.unwrap();
    assert!(matches!(waiting, Err(BusError::Closed)), "{waiting:?}");
    assert!(matches!(bus.publish(TOPIC, message("x")).await, Err(BusError::Closed)));
    assert!(matches!(bus.subscribe(subscription(SubscriptionKind::Shared)).await, Err(BusError::Closed)));
    assert!(matches!(store.get(row(1).id).await, Err(StoreError::Unavailable(Some(_)))));
    let incarnation = coherence::Incarnation(1);
    let set = domain::ports::WriteSet {
        incarnation,
        rows: vec![put(&row(1))],
        outbox: vec![],
        idempotency: None,
        traceparent: None,
    };
    assert!(matches!(store.commit(set).await, Err(StoreError::Unavailable(Some(_)))));
    database.sqlite.close().await.unwrap();
    let again = database.another().await;
    assert_eq!(look(&again.store(), row(1).id).await.0, None);
}

#[tokio::test]
async fn a_database_that_another_process_locks_is_unavailable_for_now() {
    let database = Database::with(|config| config.busy_timeout = Duration::from_millis(100)).await;
    let store = database.sqlite.store();
    let mut bare = database.bare().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut bare).await.unwrap();
    let refused = commit(&store, vec![put(&row(1))]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(Some(_))) && refused.is_retryable(), "{refused:?}");
    assert_eq!(look(&store, row(1).id).await.0, None, "reading goes on");
    sqlx::query("ROLLBACK").execute(&mut bare).await.unwrap();
    committed(&store, vec![put(&row(1))]).await;
}

/// Another process holds the write lock past the deadline: the answer is that nothing was written, and so it stays.
#[tokio::test]
async fn a_commit_that_timed_out_never_lands() {
    let database = Database::new().await;
    let store = database.sqlite.store();
    committed(&store, vec![put(&row(1))]).await;
    let mut bare = database.bare().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut bare).await.unwrap();
    let timed = TimeoutStore::new(Arc::new(store.clone()), Duration::from_millis(200));
    let (first, second) = (changed(&row(1), |row| row.demand = 8.0), row(2));
    // The one has the connection and waits for the lock, the other waits for the connection.
    let outcomes = join(commit(&timed, vec![put(&first)]), commit(&timed, vec![put(&second)])).await;
    assert!(matches!(outcomes, (Err(StoreError::Timeout), Err(StoreError::Timeout))), "{outcomes:?}");
    sqlx::query("ROLLBACK").execute(&mut bare).await.unwrap();
    // The queue is fair: this commit comes after both.
    committed(&store, vec![put(&row(3))]).await;
    assert_eq!(look(&store, row(1).id).await.0, Some(row(1)));
    assert_eq!(look(&store, row(2).id).await.0, None);
}

/// Two openings of one file under two names: one of them serves a subscription.
#[cfg(unix)]
#[tokio::test]
async fn a_file_has_one_server_of_a_subscription_whatever_its_names() {
    let database = Database::new().await;
    let mut config = database.config.clone();
    config.path = database.folder.path().join("link.db");
    std::os::unix::fs::symlink(&database.config.path, &config.path).unwrap();
    let other = Sqlite::open(config, database.clock.clone()).await.unwrap();
    let wanted = || subscription(SubscriptionKind::Exclusive);
    let mut first = database.sqlite.bus().subscribe(wanted()).await.unwrap();
    let mut second = other.bus().subscribe(wanted()).await.unwrap();
    database.sqlite.bus().publish(TOPIC, message("1")).await.unwrap();
    assert!(matches!(first.next().await.unwrap(), Delivery::Message(_)));
    // Shorter than the redelivery of what the first holds unacknowledged.
    let twice = timeout(Duration::from_millis(250), second.next()).await;
    assert!(twice.is_err(), "both have it: {twice:?}");
}

/// The consumers of a deleted subscription go when they like: what they knew is not written over the one that has its name
/// by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_subscription_leaves_nothing_to_its_successor() {
    let database = Database::new().await;
    let bus = database.sqlite.bus();
    bus.publish(TOPIC, message("first")).await.unwrap();
    for round in 0..200 {
        let mut old = bus.subscribe(subscription(SubscriptionKind::Shared)).await.unwrap();
        assert_eq!(text(&mut old).await.as_deref(), Some("key-first"), "round {round}");
        bus.unsubscribe(TOPIC, "Shared").await.unwrap();
        drop(old);
    }
}
