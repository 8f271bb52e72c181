//! One row at a time.

use coherence::{Timestamp, VersionId};

use crate::conformance::samples::{changed, commit, committed, delete, id, look, put, row};
use crate::model::Status;
use crate::ports::{RowWrite, Store, StoreError};

/// Insert, update, read.
pub async fn what_was_written_is_read(store: &dyn Store) {
    let first = row(1);
    committed(store, vec![put(&first)]).await;
    let incarnation = store.incarnation().await.unwrap();
    assert_eq!(look(store, id(1)).await, (Some(first.clone()), incarnation, VersionId(1)));
    let second = changed(&first, |row| {
        row.supply = None;
        row.status = Status::Pending;
        row.tags.clear();
    });
    committed(store, vec![put(&second)]).await;
    assert_eq!(look(store, id(1)).await, (Some(second), incarnation, VersionId(2)));
}

/// Floats to the bit, times to the microsecond, also before 1970.
pub async fn every_value_comes_back_exactly(store: &dyn Store) {
    let floats = [0.1 + 0.2, 1.0 / 3.0, 1e-300, f64::MAX, 9_007_199_254_740_993.0, 0.0, 1e15 + 0.3];
    let times = [-1, 0, 1, 1_762_943_400_123_456, -2_208_988_800_000_001, 253_402_200_000_000_001];
    for (n, float) in (1_u32..).zip(floats) {
        let time = times[n as usize % times.len()];
        let time = Timestamp::from_microsecond(time).unwrap();
        let mut written = row(n);
        written.demand = float;
        written.supply = Some(float / 3.0);
        written.confidence_level = 0.1 * f64::from(n);
        written.forecast_date = Timestamp::from_microsecond(time.as_microsecond() + i64::from(n)).unwrap();
        (written.created_at, written.updated_at) = (time, time);
        committed(store, vec![put(&written)]).await;
        let read = look(store, written.id).await.0.expect("the row was written");
        assert_eq!(read, written);
        assert_eq!(read.demand.to_bits(), float.to_bits(), "{float:e}");
        assert_eq!(read.supply.map(f64::to_bits), Some((float / 3.0).to_bits()), "a third of {float:e}");
    }
}

/// Before the first write of an id.
pub async fn what_never_was_is_absent_at_version_0(store: &dyn Store) {
    let incarnation = store.incarnation().await.unwrap();
    assert_eq!(look(store, id(1)).await, (None, incarnation, VersionId(0)));
}

/// A delete takes a version of its own.
pub async fn a_delete_leaves_a_tombstone(store: &dyn Store) {
    committed(store, vec![put(&row(1))]).await;
    committed(store, vec![delete(&row(1))]).await;
    let (row, _, version) = look(store, id(1)).await;
    assert_eq!((row, version), (None, VersionId(2)));
}

/// A row that comes again is newer than all that it ever was, twice over.
pub async fn an_insert_continues_from_the_tombstone(store: &dyn Store) {
    let mut version = VersionId(0);
    for _ in 0..2 {
        let mut again = row(1);
        again.version_id = version.next();
        committed(store, vec![put(&again)]).await;
        assert_eq!(look(store, id(1)).await.2, again.version_id);
        committed(store, vec![delete(&again)]).await;
        version = again.version_id.next();
        assert_eq!(look(store, id(1)).await.2, version);
    }
    let result = commit(store, vec![put(&row(1))]).await;
    assert_conflict(result, 1, version);
}

/// Insert over a row, update of another version, update and delete of what is not there.
pub async fn a_wrong_expectation_is_a_conflict(store: &dyn Store) {
    let first = row(1);
    let second = changed(&first, |row| row.demand = 1.0);
    let third = changed(&second, |row| row.demand = 2.0);
    assert_conflict(commit(store, vec![put(&second)]).await, 1, VersionId(0));
    assert_conflict(commit(store, vec![delete(&first)]).await, 1, VersionId(0));
    committed(store, vec![put(&first)]).await;
    assert_conflict(commit(store, vec![put(&first)]).await, 1, VersionId(1));
    assert_conflict(commit(store, vec![put(&third)]).await, 1, VersionId(1));
    assert_conflict(commit(store, vec![delete(&second)]).await, 1, VersionId(1));
    assert_eq!(look(store, id(1)).await.0, Some(first.clone()));
    committed(store, vec![delete(&first)]).await;
    let tombstone = RowWrite { id: id(1), expected: VersionId(2), after: None };
    assert_conflict(commit(store, vec![tombstone]).await, 1, VersionId(2));
}

fn assert_conflict(result: Result<(), StoreError>, n: u128, version: VersionId) {
    match result {
        Err(StoreError::Conflict { id: row, actual }) => assert_eq!((row, actual), (id(n), version)),
        other => panic!("a conflict with version {version} was due, not {other:?}"),
    }
}
