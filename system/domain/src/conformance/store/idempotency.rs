//! The answers kept for requests that may be repeated.

use bytes::Bytes;
use coherence::VersionId;

use crate::conformance::samples::{id, look, put, row, set};
use crate::model::UserId;
use crate::ports::{IdempotencyKey, IdempotencyRecord, Store, StoreError};

/// After every test's end.
pub(super) const FAR: &str = "2999-01-01T00:00:00Z";
/// Before every test's begin.
const PAST: &str = "2001-01-01T00:00:00Z";

fn record(caller: u128, key: &str, response: &'static [u8], expires_at: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        key: IdempotencyKey { caller: UserId(id(caller).0), key: key.to_owned() },
        fingerprint: u128::MAX - caller,
        response: Bytes::from_static(response),
        expires_at: expires_at.parse().unwrap(),
    }
}

async fn commit(store: &dyn Store, n: u32, record: &IdempotencyRecord) -> Result<(), StoreError> {
    let mut set = set(store, vec![put(&row(n))]).await;
    set.idempotency = Some(record.clone());
    store.commit(set).await.map(drop)
}

/// Bytes of any kind; another caller's key is another key.
pub async fn an_answer_is_kept_with_its_commit(store: &dyn Store) {
    let kept = record(1, "k", b"\x00\xff{}", FAR);
    assert_eq!(store.idempotency(&kept.key).await.unwrap(), None);
    commit(store, 1, &kept).await.unwrap();
    assert_eq!(store.idempotency(&kept.key).await.unwrap(), Some(kept));
    let others = [record(2, "k", b"2", FAR), record(1, "K", b"3", FAR)];
    for (n, other) in (2..).zip(&others) {
        assert_eq!(store.idempotency(&other.key).await.unwrap(), None);
        commit(store, n, other).await.unwrap();
        assert_eq!(store.idempotency(&other.key).await.unwrap().as_ref(), Some(other));
    }
}

/// The second request under a key writes nothing.
pub async fn an_answer_is_kept_once(store: &dyn Store) {
    let first = record(1, "k", b"first", FAR);
    commit(store, 1, &first).await.unwrap();
    let second = record(1, "k", b"second", FAR);
    let result = commit(store, 2, &second).await;
    assert!(matches!(result, Err(StoreError::IdempotencyKeyTaken)), "{result:?}");
    assert_eq!(look(store, id(2)).await.2, VersionId(0));
    assert_eq!(store.idempotency(&first.key).await.unwrap(), Some(first));
}

/// It is not answered any more, and its key is free.
pub async fn an_expired_answer_is_forgotten(store: &dyn Store) {
    let expired = record(1, "k", b"old", PAST);
    commit(store, 1, &expired).await.unwrap();
    assert_eq!(store.idempotency(&expired.key).await.unwrap(), None);
    let next = record(1, "k", b"new", FAR);
    commit(store, 2, &next).await.unwrap();
    assert_eq!(store.idempotency(&next.key).await.unwrap(), Some(next));
}
