//! The process dies: nothing that was answered is lost.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::SystemClock;
use domain::conformance::samples::{committed, event, look, message, put, row, set};
use domain::ports::{Bus, Consumer, Delivery, StartAt, Store, Subscription, SubscriptionKind, Topic};
use tokio::time::timeout;

use super::Database;

const TOPIC: Topic = Topic::ForecastCompleted;

/// Tells the test below that it is the child, and where its database is.
const CHILD: &str = "SMARTPULSE_TEST_CRASH_DATABASE";

fn subscription() -> Subscription {
    let name = "s".to_owned();
    Subscription { topic: TOPIC, name, kind: SubscriptionKind::Shared, durable: true, start: StartAt::Earliest }
}

async fn received(consumer: &mut Box<dyn Consumer>) -> Vec<(String, u32)> {
    let mut received = Vec::new();
    while let Ok(next) = timeout(Duration::from_millis(500), consumer.next()).await {
        if let Delivery::Message(message) = next.unwrap() {
            consumer.ack(message.id).await.unwrap();
            received.push((message.message.key.trim_start_matches("key-").to_owned(), message.redeliveries));
        }
    }
    received
}

#[tokio::test]
async fn a_database_that_was_dropped_without_closing_opens_again() {
    let database = Database::new().await;
    let mut consumer = database.sqlite.bus().subscribe(subscription()).await.unwrap();
    committed(&database.sqlite.store(), vec![put(&row(1))]).await;
    for n in 0..3 {
        database.sqlite.bus().publish(TOPIC, message(&n.to_string())).await.unwrap();
    }
    consumer.next().await.unwrap();
    let Database { sqlite, config, folder, .. } = database;
    drop((consumer, sqlite));
    let again = Sqlite::open(config, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(look(&again.store(), row(1).id).await.0, Some(row(1)));
    let mut consumer = again.bus().subscribe(subscription()).await.unwrap();
    let texts: Vec<_> = received(&mut consumer).await.into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["0", "1", "2"]);
    drop(folder);
}

/// The child: commits and says so, takes messages and acknowledges every other one, until it is killed.
async fn commit_until_killed(path: &Path) {
    let sqlite = Sqlite::open(SqliteConfig::new(path), Arc::new(SystemClock)).await.unwrap();
    let mut consumer = sqlite.bus().subscribe(subscription()).await.unwrap();
    for n in 1.. {
        let mut set = set(&sqlite.store(), vec![put(&row(n))]).await;
        set.outbox.push(event(TOPIC, &n.to_string()));
        sqlite.store().commit(set).await.unwrap();
        println!("committed {n}");
        let Delivery::Message(message) = consumer.next().await.unwrap() else { panic!("a message was due") };
        if n % 2 == 0 {
            consumer.ack(message.id).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_that_it_answered() {
    const COMMITS: u32 = 200;
    if let Some(path) = std::env::var_os(CHILD) {
        return commit_until_killed(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crash.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::crash::a_killed_process_loses_nothing_that_it_answered", "--nocapture"])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(n) = line.unwrap().strip_prefix("committed ") {
            answered = n.parse().unwrap();
        }
        if answered == COMMITS {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answered, COMMITS, "the child came that far");

    let sqlite = Sqlite::open(SqliteConfig::new(&path), Arc::new(SystemClock)).await.unwrap();
    for n in 1..=COMMITS {
        assert_eq!(look(&sqlite.store(), row(n).id).await.0, Some(row(n)), "row {n}");
    }
    let mut consumer = sqlite.bus().subscribe(subscription()).await.unwrap();
    let received = received(&mut consumer).await;
    let texts: BTreeSet<u32> = received.iter().map(|(text, _)| text.parse().unwrap()).collect();
    assert_eq!(texts.len(), received.len(), "once each");
    for n in (1..=COMMITS).filter(|n| n % 2 == 1) {
        assert!(texts.contains(&n), "event {n} was not acknowledged, and did not come");
    }
    let repeated: BTreeSet<u32> = texts.iter().copied().filter(|n| n % 2 == 0 && *n <= COMMITS / 2).collect();
    assert!(repeated.is_empty(), "acknowledged long before the crash, and written: {repeated:?}");
    let first = received.first().unwrap();
    assert!(first.1 > 0, "what was delivered long before the crash is counted: {first:?}");
}
