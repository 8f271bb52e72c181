//! `Idempotency-Key`: the same request, sent again, gets the same answer and writes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use coherence::Timestamp;
use xxhash_rust::xxh3::xxh3_128;

use super::ServiceError;
use crate::model::FieldError;
use crate::ports::{IdempotencyKey, IdempotencyRecord, Store};

/// The longest `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// The longest answer that is kept. A longer one is sent, and forgotten.
pub const IDEMPOTENCY_RESPONSE_BYTES_MAX: usize = 1 << 20;

/// A request that its caller named, with how its answer is kept.
#[derive(Clone)]
pub struct IdempotencyRequest<T> {
    /// The caller's name for it.
    pub key: String,
    /// Hash of the request: see [`IdempotencyRequest::fingerprint`].
    pub fingerprint: u128,
    /// The response of a result, as it is to be sent again.
    pub respond: Arc<dyn Fn(&T) -> Bytes + Send + Sync>,
}

impl<T> IdempotencyRequest<T> {
    /// The hash of a request, which binds the key to its route and body.
    pub fn fingerprint(route: &str, body: &[u8]) -> u128 {
        let mut text = Vec::with_capacity(route.len() + 1 + body.len());
        text.extend_from_slice(route.as_bytes());
        // No route contains this byte, so no route and body can be told for another pair.
        text.push(0);
        text.extend_from_slice(body);
        xxh3_128(&text)
    }
}

/// The result of a request that may have been answered before.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered<T> {
    /// It was done now.
    Now(T),
    /// It was done before; this is the response it got.
    Before(Bytes),
}

/// The named requests that this process works on. Its size is bounded by the number of writes at a time.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    requests: Mutex<BTreeMap<IdempotencyKey, u128>>,
}

/// A place among the requests in flight; it is free again when this is dropped.
pub(super) struct Claim {
    in_flight: Arc<InFlight>,
    key: IdempotencyKey,
    fingerprint: u128,
}

impl Claim {
    /// # Errors
    /// The key is not acceptable, or a request under it is being worked on.
    pub(super) fn take(
        in_flight: &Arc<InFlight>,
        key: IdempotencyKey,
        fingerprint: u128,
    ) -> Result<Self, ServiceError> {
        let printable = key.key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !printable || !(1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.key.len()) {
            let message = format!("must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable ASCII characters");
            return Err(ServiceError::Invalid(vec![FieldError::new("Idempotency-Key", message)]));
        }
        let mut requests = in_flight.requests.lock().unwrap_or_else(PoisonError::into_inner);
        match requests.get(&key) {
            Some(other) if *other == fingerprint => return Err(ServiceError::IdempotencyInProgress),
            Some(_) => return Err(ServiceError::IdempotencyMismatch),
            None => requests.insert(key.clone(), fingerprint),
        };
        drop(requests);
        Ok(Self { in_flight: Arc::clone(in_flight), key, fingerprint })
    }

    /// The answer that the request got before, if it did.
    ///
    /// # Errors
    /// The key was used for another request, or the store failed.
    pub(super) async fn answer(&self, store: &dyn Store) -> Result<Option<Bytes>, ServiceError> {
        match store.idempotency(&self.key).await? {
            Some(record) if record.fingerprint == self.fingerprint => Ok(Some(record.response)),
            Some(_) => Err(ServiceError::IdempotencyMismatch),
            None => Ok(None),
        }
    }

    /// The record of an answer; none of one that is too long.
    pub(super) fn record(&self, response: Bytes, expires_at: Timestamp) -> Option<IdempotencyRecord> {
        let record = IdempotencyRecord { key: self.key.clone(), fingerprint: self.fingerprint, response, expires_at };
        (record.response.len() <= IDEMPOTENCY_RESPONSE_BYTES_MAX).then_some(record)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.in_flight.requests.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
