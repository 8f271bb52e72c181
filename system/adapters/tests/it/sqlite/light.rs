//! A power cut: what is left of the log is a first part of it (decision 6), so whatever is left must fit together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::SystemClock;
use domain::conformance::samples::{event, message, put, row, set};
use domain::ports::{
    Acquired, Bus, ChangeFeed, Delivery, FeedPosition, LeaseName, Leases, Outgoing, StartAt, Store, Subscription,
    SubscriptionKind, Topic,
};
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::Database;

/// What a tracker says of the row at this position.
fn told(position: u128) -> Outgoing {
    Outgoing { key: position.to_string(), ..message("told") }
}

/// Writes rows, tells them over the bus, moves the cursor, and acknowledges what was told; as the services do.
async fn work(database: &Database, rows: u32) {
    let (store, bus, feed) = (database.sqlite.store(), database.sqlite.bus(), database.sqlite.feed());
    let Acquired::Held(lease) =
        store.acquire(LeaseName::Tracker, Uuid::from_u128(1), Duration::from_secs(60)).await.unwrap()
    else {
        panic!("nobody holds it")
    };
    let (topic, name) = (Topic::CdcForecasts, "sync".to_owned());
    let kind = SubscriptionKind::Exclusive;
    let subscription = Subscription { topic, name, kind, durable: true, start: StartAt::Earliest };
    let mut consumer = bus.subscribe(subscription).await.unwrap();
    let mut cursor = FeedPosition(0);
    for n in 1..=rows {
        let mut written = set(&store, vec![put(&row(n))]).await;
        written.outbox.push(event(Topic::ForecastUpdated, &n.to_string()));
        store.commit(written).await.unwrap();
        cursor = feed.read(cursor, 10).await.unwrap().position;
        bus.publish(topic, told(cursor.0)).await.unwrap();
        assert!(store.move_cursor(LeaseName::Tracker, lease.token, cursor).await.unwrap());
        store.renew(LeaseName::Tracker, lease.token, Duration::from_secs(60)).await.unwrap();
        if let Delivery::Message(message) = consumer.next().await.unwrap() {
            consumer.ack_through(message.id).await.unwrap();
        }
        if n % 4 == 0 {
            tokio::time::sleep(database.config.flush_interval * 2).await;
        }
    }
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// Opens what was left and looks whether it fits together; answers how many rows are there.
async fn assert_fits(path: &Path, log_bytes: usize) -> i64 {
    let sqlite = Sqlite::open(SqliteConfig::new(path), Arc::new(SystemClock)).await.unwrap();
    let mut bare =
        sqlx::ConnectOptions::connect(&sqlx::sqlite::SqliteConnectOptions::new().filename(path)).await.unwrap();
    let rows = number(&mut bare, "SELECT count(*) FROM forecasts").await;
    let captured = number(&mut bare, "SELECT coalesce(max(position), 0) FROM capture").await;
    let events = number(&mut bare, "SELECT count(*) FROM messages WHERE topic = 'forecast:updated'").await;
    assert_eq!((rows, rows), (captured, events), "a commit is whole; {log_bytes} bytes of the log");
    let last = sqlite.bus().last(Topic::CdcForecasts).await.unwrap();
    let last = last.map_or(0, |last| last.message.key.parse::<i64>().unwrap());
    assert!(last <= captured, "{last} was told, and of {captured} is known; {log_bytes} bytes of the log");
    let cursor = number(&mut bare, "SELECT cursor FROM leases WHERE name = 'tracker'").await;
    assert!(cursor <= last, "all up to {cursor} is told, and yet {last} is the last; {log_bytes} bytes of the log");
    let acknowledged = number(&mut bare, "SELECT coalesce(max(cursor), 0) FROM subscriptions").await;
    let published =
        number(&mut bare, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages'").await;
    assert!(acknowledged <= published, "a cursor is ahead; {log_bytes} bytes of the log");
    sqlite.close().await.unwrap();
    rows
}

#[tokio::test]
async fn whatever_part_of_the_log_a_power_cut_leaves_fits_together() {
    const ROWS: u32 = 12;
    /// A frame's header, and a page of SQLite's default size.
    const FRAME_BYTES: usize = 24 + 4_096;
    let database = Database::new().await;
    // The schema is in the file, and the log begins anew.
    database.sqlite.checkpoint().await.unwrap();
    work(&database, ROWS).await;
    let path = database.files();
    let (file, log) = (std::fs::read(&path.0).unwrap(), std::fs::read(&path.1).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let frames = log.len().saturating_sub(32) / FRAME_BYTES;
    assert!(frames > 100, "{frames} frames");
    for frames in (0..=frames).rev().step_by(7) {
        let left = 32 + frames * FRAME_BYTES;
        let copy = folder.path().join(format!("{frames}.db"));
        std::fs::write(&copy, &file).unwrap();
        std::fs::write(folder.path().join(format!("{frames}.db-wal")), &log[..left]).unwrap();
        seen.insert(assert_fits(&copy, left).await);
    }
    assert!(seen.len() > 5 && seen.contains(&i64::from(ROWS)), "{seen:?}");
}
