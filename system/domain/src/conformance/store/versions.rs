//! Versions of many rows at once, and the incarnation that they belong to.

use coherence::{Incarnation, VersionId};

use crate::conformance::samples::{changed, committed, delete, id, look, put, row};
use crate::model::ForecastId;
use crate::ports::{Store, StoreError, VERSIONS_MAX};

/// The row's, the tombstone's, or 0; an id asked twice is answered twice.
pub async fn versions_are_answered_in_the_order_of_the_ids(store: &dyn Store) {
    let incarnation = store.incarnation().await.unwrap();
    assert_eq!(store.versions(&[]).await.unwrap(), (incarnation, Vec::new()));
    let second = changed(&row(1), |row| row.demand = 1.0);
    committed(store, vec![put(&row(1)), put(&row(2)), put(&row(3))]).await;
    committed(store, vec![put(&second), delete(&row(3))]).await;
    committed(store, vec![put(&changed(&second, |row| row.demand = 2.0))]).await;
    let asked = [3, 1, 9, 2, 1].map(id);
    let raised = store.raise_incarnation(Incarnation(0)).await.unwrap();
    assert_eq!(store.versions(&asked).await.unwrap(), (raised, [2, 3, 0, 1, 3].map(VersionId).to_vec()));
}

/// All that is allowed, and no more.
pub async fn versions_are_asked_for_in_bounds(store: &dyn Store) {
    let most = u128::try_from(VERSIONS_MAX).unwrap();
    committed(store, vec![put(&row(1)), put(&row(1_000))]).await;
    let mut ids: Vec<ForecastId> = (1..=most).map(id).collect();
    let (_, versions) = store.versions(&ids).await.unwrap();
    assert_eq!(versions.len(), VERSIONS_MAX);
    assert_eq!((versions[0], versions[1], versions[999]), (VersionId(1), VersionId(0), VersionId(1)));
    ids.push(id(most + 1));
    let refused = store.versions(&ids).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
}

/// Above its own, and above what was seen elsewhere.
pub async fn an_incarnation_is_raised_above_both(store: &dyn Store) {
    let own = store.incarnation().await.unwrap();
    let second = store.raise_incarnation(Incarnation(0)).await.unwrap();
    assert_eq!(second, own.next());
    let far = Incarnation(own.0 + 40);
    assert_eq!(store.raise_incarnation(far).await.unwrap(), far.next());
    assert_eq!(store.raise_incarnation(far).await.unwrap(), far.next().next());
    assert_eq!(look(store, id(1)).await.1, far.next().next());
}
