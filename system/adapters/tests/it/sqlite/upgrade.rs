//! A file of an earlier release.

use std::sync::Arc;
use std::time::Duration;

use adapters::sqlite::{Migrated, Sqlite, SqliteConfig, migrate_file};
use adapters::system::SystemClock;
use domain::conformance::samples::{changed, committed, id, look, message};
use domain::ports::{Acquired, Bus, ChangeFeed, FeedPosition, LeaseName, Leases, Topic};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use uuid::Uuid;

/// What release 0.1 made of an empty file, with a row, its capture and a message.
const FIRST: &str = concat!(
    "PRAGMA journal_mode = WAL; PRAGMA application_id = 1397575729;
     CREATE TABLE schema_migrations (
         version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP) STRICT;",
    include_str!("../../../src/sqlite/schema/0001_initial.sql"),
    "INSERT INTO schema_migrations (version) VALUES (1);
     INSERT INTO forecasts VALUES (x'00000000000000000000000000000001', zeroblob(16), zeroblob(16), NULL, 0, 1.5, NULL,
         0.5, 'Pending', '[]', 0, 0, 1);
     INSERT INTO messages (topic, key, payload, properties, published_at, bytes)
         VALUES ('cdc:forecasts', 'old', x'7b7d', '{}', 0, 100);",
);

#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_to_this_one_with_all_that_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smartpulse.db");
    let mut first = SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(FIRST).execute(&mut first).await.unwrap();
    drop(first);
    assert_eq!(migrate_file(&path).await.unwrap(), Migrated { from: 1, to: 3 });
    assert_eq!(migrate_file(&path).await.unwrap(), Migrated { from: 3, to: 3 });

    let sqlite = Sqlite::open(SqliteConfig::new(&path), Arc::new(SystemClock)).await.unwrap();
    let (store, bus) = (sqlite.store(), sqlite.bus());
    let present = look(&store, id(1)).await.0.expect("the row is there");
    let told = sqlite.feed().read(FeedPosition(0), 10).await.unwrap().changes;
    assert_eq!((told.len(), told[0].after.as_ref(), told[0].traceparent.as_deref()), (1, Some(&present), None));
    assert_eq!(bus.last(Topic::CdcForecasts).await.unwrap().unwrap().message.key, "old");
    // And it is a database to go on with.
    committed(&store, vec![domain::conformance::samples::put(&changed(&present, |row| row.demand = 2.0))]).await;
    bus.publish(Topic::CdcForecasts, message("new")).await.unwrap();
    for name in LeaseName::ALL {
        let taken = store.acquire(name, Uuid::from_u128(1), Duration::from_secs(60)).await.unwrap();
        assert!(matches!(taken, Acquired::Held(lease) if lease.token.0 == 1), "{taken:?}");
    }
}
