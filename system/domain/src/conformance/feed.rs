//! What a [`ChangeFeed`] must do, whoever reads it how often: a feed may leave out versions between two reads of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use coherence::{Incarnation, Version, VersionId};

use super::case;
use super::samples::{changed, commit, committed, company, day, delete, id, put, row, set};
use crate::model::{Forecast, ForecastId};
use crate::ports::{Change, ChangeFeed, FeedError, FeedPosition, Operation, Store};

/// An empty store with its feed, and whatever keeps them alive.
#[async_trait]
pub trait FeedHarness: Send + Sync {
    /// The store that is written.
    fn store(&self) -> Arc<dyn Store>;
    /// Its feed.
    fn feed(&self) -> Arc<dyn ChangeFeed>;
    /// Changes a row that is there behind the system's back, as a database administrator does.
    async fn bare_update(&self, id: ForecastId);
    /// Forgets all changes so far, as their retention would.
    async fn forget(&self);
}

/// Runs every case, each on a store of its own.
pub async fn run_all<H: FeedHarness>(make: impl AsyncFn() -> H) {
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $({
                let harness = make().await;
                case(stringify!($case), $case(&harness)).await;
            })*
        };
    }
    cases![
        an_empty_feed_is_at_its_end,
        every_change_is_told,
        a_row_that_comes_again_is_an_insert,
        a_change_carries_the_incarnation,
        a_set_is_told_whole,
        a_change_tells_its_time_and_its_trace,
        a_write_behind_our_back_is_told_without_a_trace,
        what_was_not_committed_is_not_told,
        a_read_is_bounded_and_goes_on,
        what_was_forgotten_is_said,
    ];
}

async fn read(harness: &dyn FeedHarness, after: FeedPosition) -> (Vec<Change>, FeedPosition) {
    let batch = harness.feed().read(after, 100).await.unwrap();
    assert!(batch.at_end, "100 changes hold all of it");
    let mut last = after;
    for change in &batch.changes {
        assert!(change.position > last, "positions rise");
        last = change.position;
    }
    assert!(batch.position >= last);
    (batch.changes, batch.position)
}

async fn one(harness: &dyn FeedHarness, after: &mut FeedPosition) -> Change {
    let (changes, position) = read(harness, *after).await;
    *after = position;
    match <[Change; 1]>::try_from(changes) {
        Ok([change]) => change,
        Err(other) => panic!("one change was due, not {other:?}"),
    }
}

/// From the very beginning.
pub async fn an_empty_feed_is_at_its_end(harness: &dyn FeedHarness) {
    let end = harness.feed().end().await.unwrap();
    assert_eq!(read(harness, end).await, (Vec::new(), end));
    assert_eq!(read(harness, FeedPosition::default()).await.0, Vec::new());
}

/// Insert, update with a move, delete: what it is now, and where it was before, if the feed knows.
pub async fn every_change_is_told(harness: &dyn FeedHarness) {
    let store = harness.store();
    let incarnation = store.incarnation().await.unwrap();
    let version = |id| Version { incarnation, id: VersionId(id) };
    let mut after = harness.feed().end().await.unwrap();
    let first = row(1);
    committed(&*store, vec![put(&first)]).await;
    let insert = one(harness, &mut after).await;
    assert_eq!((insert.operation, insert.id, insert.version), (Operation::Insert, first.id, version(1)));
    assert_eq!((insert.after.as_ref(), insert.before), (Some(&first), None));
    let second = changed(&first, |row| {
        row.company_id = company(2);
        row.demand = 0.1 + 0.2;
    });
    committed(&*store, vec![put(&second)]).await;
    let update = one(harness, &mut after).await;
    assert_eq!((update.operation, update.id, update.version), (Operation::Update, first.id, version(2)));
    assert_eq!(update.after.as_ref(), Some(&second));
    assert!(update.before.is_none_or(|before| before == first.placement()), "{:?}", update.before);
    committed(&*store, vec![delete(&second)]).await;
    let delete = one(harness, &mut after).await;
    assert_eq!((delete.operation, delete.id, delete.version), (Operation::Delete, first.id, version(3)));
    assert_eq!(delete.after, None);
    assert!(delete.before.is_none_or(|before| before == second.placement()), "{:?}", delete.before);
    assert_eq!(harness.feed().end().await.unwrap(), after);
    assert_eq!(read(harness, after).await, (Vec::new(), after));
}

/// With the version after the tombstone's.
pub async fn a_row_that_comes_again_is_an_insert(harness: &dyn FeedHarness) {
    let store = harness.store();
    committed(&*store, vec![put(&row(1))]).await;
    committed(&*store, vec![delete(&row(1))]).await;
    let mut after = harness.feed().end().await.unwrap();
    let again = Forecast { version_id: VersionId(3), ..row(1) };
    committed(&*store, vec![put(&again)]).await;
    let change = one(harness, &mut after).await;
    assert_eq!((change.operation, change.version.id, change.after), (Operation::Insert, VersionId(3), Some(again)));
}

/// The one of the database when it is read.
pub async fn a_change_carries_the_incarnation(harness: &dyn FeedHarness) {
    let store = harness.store();
    let raised = store.raise_incarnation(Incarnation::default()).await.unwrap();
    let mut after = harness.feed().end().await.unwrap();
    committed(&*store, vec![put(&row(1))]).await;
    assert_eq!(one(harness, &mut after).await.version, Version { incarnation: raised, id: VersionId(1) });
}

/// All rows of a set, each once, before those of the next set.
pub async fn a_set_is_told_whole(harness: &dyn FeedHarness) {
    let store = harness.store();
    committed(&*store, vec![put(&row(1)), put(&row(2))]).await;
    let after = harness.feed().end().await.unwrap();
    let updated = changed(&row(1), |row| row.demand = 1.0);
    committed(&*store, vec![put(&updated), delete(&row(2)), put(&row(3))]).await;
    committed(&*store, vec![put(&row(4))]).await;
    let (changes, _) = read(harness, after).await;
    let told: BTreeMap<ForecastId, Operation> = changes.iter().map(|change| (change.id, change.operation)).collect();
    let due = [(1, Operation::Update), (2, Operation::Delete), (3, Operation::Insert), (4, Operation::Insert)];
    assert_eq!(told, due.map(|(n, operation)| (id(n), operation)).into());
    assert_eq!((changes.len(), changes[3].id), (4, id(4)));
}

/// With each row of the set, and with no other; if the feed knows them.
pub async fn a_change_tells_its_time_and_its_trace(harness: &dyn FeedHarness) {
    let store = harness.store();
    let mut after = harness.feed().end().await.unwrap();
    let traces = [Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), None, Some("00-second-01")];
    let sets = [
        vec![put(&row(1)), put(&row(2))],
        vec![put(&row(3)), delete(&row(2))],
        vec![put(&changed(&row(1), |row| row.demand = 1.0)), delete(&row(3)), put(&row(4))],
    ];
    for (rows, trace) in sets.into_iter().zip(traces) {
        let ids: Vec<ForecastId> = rows.iter().map(|write| write.id).collect();
        let mut set = set(&*store, rows).await;
        set.traceparent = trace.map(str::to_owned);
        let at = store.commit(set).await.unwrap().at;
        // After each set: a feed that is read later may tell of a row only what happened to it last.
        let (changes, position) = read(harness, after).await;
        after = position;
        assert_eq!(changes.len(), ids.len(), "{changes:?}");
        for change in changes {
            assert!(ids.contains(&change.id), "{change:?}");
            assert_eq!(change.traceparent.as_deref(), trace, "{}", change.id);
            // Two clocks, perhaps of two machines.
            let apart = change.committed_at.map(|told| told.as_second().abs_diff(at.as_second()));
            assert!(apart.is_none_or(|seconds| seconds <= 5), "{change:?}, written at {at}");
        }
    }
}

/// Whoever traced a write before it, or after.
pub async fn a_write_behind_our_back_is_told_without_a_trace(harness: &dyn FeedHarness) {
    let store = harness.store();
    let mut traced = set(&*store, vec![put(&row(1))]).await;
    traced.traceparent = Some("00-first-01".to_owned());
    store.commit(traced).await.unwrap();
    let begin = harness.feed().end().await.unwrap();
    harness.bare_update(id(1)).await;
    let mut traced = set(&*store, vec![put(&row(2))]).await;
    traced.traceparent = Some("00-second-01".to_owned());
    store.commit(traced).await.unwrap();
    let changes = read(harness, begin).await.0;
    let told: Vec<_> = changes.iter().map(|change| (change.id, change.traceparent.as_deref())).collect();
    assert_eq!(told, [(id(1), None), (id(2), Some("00-second-01"))]);
    assert_eq!((changes[0].operation, changes[0].version.id), (Operation::Update, VersionId(2)));
}

/// A set that failed leaves nothing.
pub async fn what_was_not_committed_is_not_told(harness: &dyn FeedHarness) {
    let store = harness.store();
    committed(&*store, vec![put(&row(1))]).await;
    let mut after = harness.feed().end().await.unwrap();
    let taken = Forecast { forecast_date: day(1), ..row(3) };
    commit(&*store, vec![put(&row(2)), put(&taken)]).await.expect_err("the natural key is taken");
    assert_eq!(read(harness, after).await.0, Vec::new());
    committed(&*store, vec![put(&row(2))]).await;
    assert_eq!(one(harness, &mut after).await.id, id(2));
}

/// Every change once, whatever the limit.
pub async fn a_read_is_bounded_and_goes_on(harness: &dyn FeedHarness) {
    let store = harness.store();
    let begin = harness.feed().end().await.unwrap();
    for n in 1..=5 {
        committed(&*store, vec![put(&row(n))]).await;
    }
    let end = harness.feed().end().await.unwrap();
    for limit in [1, 2, 4, 5, 6] {
        let (mut after, mut seen) = (begin, Vec::new());
        loop {
            let batch = harness.feed().read(after, limit).await.unwrap();
            assert!(batch.changes.len() <= limit as usize);
            assert!(batch.position > after, "a read before the end moves on");
            seen.extend(batch.changes.iter().map(|change| change.id));
            after = batch.position;
            assert_eq!(batch.at_end, seen.len() == 5, "at {after} with {limit}");
            if batch.at_end {
                break;
            }
        }
        assert_eq!(seen, (1..=5).map(id).collect::<Vec<_>>());
        assert_eq!(after, end);
    }
}

/// A reader from before the forgetting learns it, and where it can go on.
pub async fn what_was_forgotten_is_said(harness: &dyn FeedHarness) {
    let store = harness.store();
    let begin = harness.feed().end().await.unwrap();
    committed(&*store, vec![put(&row(1))]).await;
    committed(&*store, vec![put(&row(2))]).await;
    let end = harness.feed().end().await.unwrap();
    harness.forget().await;
    assert_eq!(harness.feed().end().await.unwrap(), end, "the end does not go back");
    assert_eq!(read(harness, end).await, (Vec::new(), end), "a reader that had all misses nothing");
    committed(&*store, vec![put(&row(3))]).await;
    let minimum = match harness.feed().read(begin, 100).await {
        Err(FeedError::BehindMinimum { minimum }) => minimum,
        other => panic!("changes after {begin} are forgotten, and yet {other:?}"),
    };
    assert!(minimum > begin);
    let mut after = minimum;
    assert_eq!(one(harness, &mut after).await.id, id(3));
}
