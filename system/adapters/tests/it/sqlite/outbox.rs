//! The outbox: what is refused, what is forgotten, and that only one of outbox and topics gets the events.

use domain::conformance::samples::{event, look, put, row, set};
use domain::ports::{Bus, Outbox, OutboxId, Store, StoreError, Topic};

use super::{Database, HOURS};

const TOPIC: Topic = Topic::ForecastUpdated;

async fn commit(database: &Database, n: u32) -> Result<(), StoreError> {
    let store = database.sqlite.store();
    let mut set = set(&store, vec![put(&row(n))]).await;
    set.outbox.push(event(TOPIC, &n.to_string()));
    store.commit(set).await.map(drop)
}

async fn pending(database: &Database) -> Vec<OutboxId> {
    database.sqlite.store().pending(10_000).await.unwrap().into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn events_go_to_the_outbox_or_to_their_topics() {
    for outbox in [false, true] {
        let database = Database::with(|config| config.outbox = outbox).await;
        commit(&database, 1).await.unwrap();
        assert_eq!(pending(&database).await.len(), usize::from(outbox));
        assert_eq!(database.sqlite.bus().last(TOPIC).await.unwrap().is_some(), !outbox);
    }
}

#[tokio::test]
async fn a_full_outbox_refuses_commits_with_events_until_some_are_sent() {
    let database = Database::with(|config| (config.outbox, config.max_bytes) = (true, 10_000)).await;
    let mut n = 1;
    let refused = loop {
        match commit(&database, n).await {
            Ok(()) => n += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)) && refused.is_retryable(), "{refused:?}");
    assert!((20..100).contains(&n), "{n} events in 10,000 bytes");
    let store = database.sqlite.store();
    assert_eq!(look(&store, row(n).id).await.0, None, "nothing of it is written");
    let silent = set(&store, vec![put(&row(n))]).await;
    store.commit(silent).await.unwrap();
    let ids = pending(&database).await;
    assert_eq!(ids.len(), n as usize - 1);
    // Twice: a mark counts once.
    for _ in 0..2 {
        store.mark_sent(&ids[..2]).await.unwrap();
    }
    commit(&database, n + 1).await.unwrap();
    commit(&database, n + 2).await.unwrap();
    assert!(matches!(commit(&database, n + 3).await, Err(StoreError::Full(_))));
}

#[tokio::test]
async fn sent_events_are_forgotten_soon_and_others_never() {
    let database = Database::with(|config| config.outbox = true).await;
    for n in 1..=3 {
        commit(&database, n).await.unwrap();
    }
    let ids = pending(&database).await;
    database.sqlite.store().mark_sent(&ids[1..]).await.unwrap();
    database.clock.advance(HOURS - 1_000_000);
    assert_eq!(database.sqlite.prune().await.unwrap().sent, 0);
    database.clock.advance(2_000_000);
    assert_eq!(database.sqlite.prune().await.unwrap().sent, 2);
    database.clock.advance(365 * 24 * HOURS);
    assert_eq!(database.sqlite.prune().await.unwrap().sent, 0);
    assert_eq!(pending(&database).await, ids[..1]);
    let bytes: (i64, i64) = sqlx::query_as("SELECT outbox_bytes, (SELECT sum(bytes) FROM outbox) FROM meta")
        .fetch_one(&mut database.bare().await)
        .await
        .unwrap();
    assert_eq!(bytes.0, bytes.1);
}

/// At full speed an hour of sent events would fill the disk.
#[tokio::test]
async fn so_many_sent_events_are_kept_and_no_more() {
    let database = Database::with(|config| config.outbox = true).await;
    commit(&database, 1).await.unwrap();
    let now = coherence::WallClock::now(&*database.clock).as_microsecond();
    sqlx::query(
        "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 100499) \
         INSERT INTO outbox (topic, key, payload, properties, born_at, bytes, sent_at) \
         SELECT 'forecast:updated', 'k', x'', '{}', 0, 1, ?1 + n FROM n",
    )
    .bind(now - 1_000_000)
    .execute(&mut database.bare().await)
    .await
    .unwrap();
    assert_eq!(database.sqlite.prune().await.unwrap().sent, 500);
    assert_eq!(pending(&database).await.len(), 1);
}
