//! What an [`Outbox`] must do, with a store that writes to it.

use std::sync::Arc;

use super::case;
use super::samples::{event, put, row, set};
use crate::ports::{Outbox, OutboxId, OutboxRow, Store, Topic};

/// An empty store whose bus is elsewhere, and whatever keeps it alive.
pub trait OutboxHarness: Send + Sync {
    /// The store that is written.
    fn store(&self) -> Arc<dyn Store>;
    /// Its outbox.
    fn outbox(&self) -> Arc<dyn Outbox>;
}

/// Runs every case, each on a store of its own.
pub async fn run_all<H: OutboxHarness>(make: impl AsyncFn() -> H) {
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $({
                let harness = make().await;
                case(stringify!($case), $case(&harness)).await;
            })*
        };
    }
    cases![
        the_events_of_a_commit_are_pending_in_order,
        a_sent_event_is_not_pending,
        a_mark_that_means_nothing_is_ignored,
        the_events_of_a_commit_that_failed_are_not_pending,
        what_is_pending_is_asked_for_in_parts,
    ];
}

/// Every topic in turn.
fn topic(n: u32) -> Topic {
    Topic::ALL[n as usize % Topic::ALL.len()]
}

/// Commits rows `from..=to`, each with the event of its number.
async fn commit(harness: &dyn OutboxHarness, from: u32, to: u32) {
    let store = harness.store();
    let mut set = set(&*store, (from..=to).map(|n| put(&row(n))).collect()).await;
    set.outbox = (from..=to).map(|n| event(topic(n), &n.to_string())).collect();
    store.commit(set).await.unwrap();
}

/// What is pending: the ids, and the numbers of the events.
async fn pending(harness: &dyn OutboxHarness) -> (Vec<OutboxId>, Vec<u32>) {
    let rows = harness.outbox().pending(10_000).await.unwrap();
    let ids: Vec<OutboxId> = rows.iter().map(|row| row.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    (ids, rows.iter().map(number).collect())
}

fn number(row: &OutboxRow) -> u32 {
    let n: u32 = row.message.key.trim_start_matches("key-").parse().unwrap();
    assert_eq!((row.topic, &row.message), (topic(n), &event(topic(n), &n.to_string()).message));
    n
}

/// As they were committed, in the order of the commits and of each set.
pub async fn the_events_of_a_commit_are_pending_in_order(harness: &dyn OutboxHarness) {
    assert_eq!(harness.outbox().pending(10).await.unwrap(), []);
    let store = harness.store();
    let mut first = set(&*store, vec![put(&row(1))]).await;
    first.outbox = vec![event(topic(1), "1"), event(topic(2), "2")];
    let committed = store.commit(first).await.unwrap();
    let rows = harness.outbox().pending(10).await.unwrap();
    assert!(rows.iter().all(|row| row.born_at == committed.at), "{rows:?}");
    commit(harness, 3, 1_500).await;
    assert_eq!(pending(harness).await.1, (1..=1_500).collect::<Vec<_>>());
}

/// In whatever order they are sent.
pub async fn a_sent_event_is_not_pending(harness: &dyn OutboxHarness) {
    commit(harness, 1, 5).await;
    let (ids, _) = pending(harness).await;
    harness.outbox().mark_sent(&[ids[3], ids[1]]).await.unwrap();
    assert_eq!(pending(harness).await.1, [1, 3, 5]);
    commit(harness, 6, 6).await;
    harness.outbox().mark_sent(&[ids[0], ids[2], ids[4]]).await.unwrap();
    assert_eq!(pending(harness).await.1, [6]);
    let (rest, _) = pending(harness).await;
    assert!(!ids.contains(&rest[0]), "an id is not given again");
}

/// None, one that is sent already, one that never was.
pub async fn a_mark_that_means_nothing_is_ignored(harness: &dyn OutboxHarness) {
    commit(harness, 1, 2).await;
    let (ids, _) = pending(harness).await;
    harness.outbox().mark_sent(&[]).await.unwrap();
    for _ in 0..2 {
        harness.outbox().mark_sent(&[ids[0], OutboxId(u128::MAX), OutboxId(1_000_000)]).await.unwrap();
        assert_eq!(pending(harness).await.1, [2]);
    }
}

/// Whether it failed before or while it wrote.
pub async fn the_events_of_a_commit_that_failed_are_not_pending(harness: &dyn OutboxHarness) {
    commit(harness, 1, 1).await;
    let store = harness.store();
    let taken = crate::model::Forecast { forecast_date: row(1).forecast_date, ..row(3) };
    for rows in [vec![put(&row(1))], vec![put(&row(2)), put(&taken)]] {
        let mut set = set(&*store, rows).await;
        set.outbox.push(event(topic(9), "9"));
        store.commit(set).await.expect_err("it must fail");
    }
    assert_eq!(pending(harness).await.1, [1]);
}

/// The first ones first.
pub async fn what_is_pending_is_asked_for_in_parts(harness: &dyn OutboxHarness) {
    commit(harness, 1, 7).await;
    let outbox = harness.outbox();
    let mut seen = Vec::new();
    loop {
        let rows = outbox.pending(3).await.unwrap();
        if rows.is_empty() {
            break;
        }
        assert!(rows.len() <= 3);
        seen.extend(rows.iter().map(number));
        outbox.mark_sent(&rows.iter().map(|row| row.id).collect::<Vec<_>>()).await.unwrap();
    }
    assert_eq!(seen, (1..=7).collect::<Vec<_>>());
}
