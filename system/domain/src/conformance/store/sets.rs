//! Sets of rows: all or nothing.

use coherence::{Incarnation, VersionId};

use crate::conformance::samples::{changed, commit, committed, delete, event, everything, id, look, put, row, set};
use crate::model::UserId;
use crate::ports::{IdempotencyKey, IdempotencyRecord, Store, StoreError, Topic};

/// The last row of a set stands against it: nothing of the set is there afterwards.
pub async fn a_set_is_written_whole_or_not_at_all(store: &dyn Store) {
    let (kept, gone) = (row(1), row(2));
    committed(store, vec![put(&kept), put(&gone)]).await;
    let key = IdempotencyKey { caller: UserId(id(9).0), key: "k".to_owned() };
    let updated = changed(&kept, |row| row.demand = 1.0);
    let ways_to_fail = [
        // A version that is not there, and a natural key that is.
        put(&changed(&row(7), |_| {})),
        put(&changed(&row(3), |other| (other.forecast_date, other.version_id) = (kept.forecast_date, VersionId(1)))),
    ];
    for (n, failing) in ways_to_fail.into_iter().enumerate() {
        // The other rows free no key that the failing one could take.
        let rows = vec![put(&updated), delete(&gone), put(&row(4)), failing];
        let mut set = set(store, rows).await;
        set.outbox.push(event(Topic::ForecastUpdated, "never"));
        set.idempotency = Some(IdempotencyRecord {
            key: key.clone(),
            fingerprint: 1,
            response: "never".into(),
            expires_at: super::idempotency::FAR.parse().unwrap(),
        });
        let error = store.commit(set).await.expect_err("the last row stands against the set");
        assert!(matches!(error, StoreError::Conflict { .. } | StoreError::NaturalKeyTaken { .. }), "{n}: {error:?}");
        assert!(!error.is_retryable());
        assert_eq!(look(store, kept.id).await.0, Some(kept.clone()), "{n}: the update");
        assert_eq!(look(store, gone.id).await.0, Some(gone.clone()), "{n}: the delete");
        assert_eq!(look(store, id(4)).await.2, VersionId(0), "{n}: the insert");
        assert_eq!(store.idempotency(&key).await.unwrap(), None, "{n}: the answer");
    }
    // And nothing of them stands against the next one.
    committed(store, vec![put(&updated), delete(&gone), put(&row(4))]).await;
    assert_eq!(store.list(&everything(10)).await.unwrap().total, 2);
}

/// As an import does it: inserts, then updates among inserts, then deletes.
pub async fn a_set_of_many_rows_is_one_commit(store: &dyn Store) {
    const ROWS: u32 = 1_000;
    let rows: Vec<_> = (1..=ROWS).map(row).collect();
    committed(store, rows.iter().map(put).collect()).await;
    assert_eq!(store.list(&everything(1)).await.unwrap().total, u64::from(ROWS));
    let updated: Vec<_> = rows.iter().take(600).map(|row| changed(row, |row| row.demand = f64::from(7))).collect();
    let more: Vec<_> = (ROWS + 1..=ROWS + 400).map(row).collect();
    committed(store, updated.iter().chain(&more).map(put).collect()).await;
    assert_eq!(look(store, updated[599].id).await.0.as_ref(), Some(&updated[599]));
    assert_eq!(look(store, rows[600].id).await.0.as_ref(), Some(&rows[600]));
    assert_eq!(store.list(&everything(1)).await.unwrap().total, 1_400);
    committed(store, updated.iter().chain(&more).map(delete).collect()).await;
    assert_eq!(store.list(&everything(1)).await.unwrap().total, 400);
    assert_eq!(look(store, updated[0].id).await.2, VersionId(3));
}

/// Versions of another life of the database prove nothing.
pub async fn a_set_must_be_of_this_incarnation(store: &dyn Store) {
    committed(store, vec![put(&row(1))]).await;
    let old = set(store, vec![put(&row(2))]).await;
    let before = store.incarnation().await.unwrap();
    let raised = store.raise_incarnation(Incarnation(0)).await.unwrap();
    assert_eq!(raised, before.next());
    assert_eq!(store.incarnation().await.unwrap(), raised);
    assert_eq!(look(store, id(1)).await, (Some(row(1)), raised, VersionId(1)), "rows carry the new one");
    assert_eq!(look(store, id(2)).await, (None, raised, VersionId(0)));
    assert_eq!(store.list(&everything(1)).await.unwrap().incarnation, raised);
    match store.commit(old).await {
        Err(StoreError::IncarnationChanged { actual }) => assert_eq!(actual, raised),
        other => panic!("the set is of incarnation {before}, and yet {other:?}"),
    }
    assert_eq!(look(store, id(2)).await.0, None);
    commit(store, vec![put(&row(2))]).await.unwrap();
}
