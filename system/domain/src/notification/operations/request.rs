//! Requests that their callers named (`Idempotency-Key`): the same request, sent again, is answered and does nothing.

use std::time::Duration;

use bytes::Bytes;
use coherence::Timestamp;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::model::UserId;
use crate::notification::error::NotificationError;
use crate::notification::model::NotificationId;
use crate::ports::{IdempotencyKey, IdempotencyRecord, NotificationStore};

/// The longest key.
pub const REQUEST_KEY_BYTES_MAX: usize = 255;
/// For how long the answer is kept.
pub const ANSWER_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// A request that its caller named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRequest {
    /// Who asked, and under which name.
    pub key: IdempotencyKey,
    /// The hash of the request: another one under the same name is refused.
    pub fingerprint: u128,
}

impl NamedRequest {
    /// The request of `caller` to `route`.
    ///
    /// # Errors
    /// [`NotificationError::Invalid`], if the key is not acceptable.
    pub fn new(caller: UserId, key: &str, route: &str, body: &[u8]) -> Result<Self, NotificationError> {
        let printable = key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !printable || !(1..=REQUEST_KEY_BYTES_MAX).contains(&key.len()) {
            let message = format!("must have 1 to {REQUEST_KEY_BYTES_MAX} printable ASCII characters");
            return Err(NotificationError::field("Idempotency-Key", message));
        }
        // No route contains a zero, so no route and body can be told for another pair.
        let text = [route.as_bytes(), &[0], body].concat();
        Ok(Self { key: IdempotencyKey { caller, key: key.to_owned() }, fingerprint: xxh3_128(&text) })
    }

    /// The notification that this request led to before.
    pub(super) async fn answered(
        &self,
        store: &dyn NotificationStore,
    ) -> Result<Option<NotificationId>, NotificationError> {
        let Some(record) = store.answer(&self.key).await? else { return Ok(None) };
        if record.fingerprint != self.fingerprint {
            return Err(NotificationError::IdempotencyMismatch);
        }
        let id = Uuid::from_slice(&record.response);
        id.map(|id| Some(NotificationId(id))).map_err(|_| NotificationError::Internal("an answer is no id".to_owned()))
    }

    /// What is kept of it: which notification it led to. Its answer is made from that each time.
    pub(super) fn record(&self, id: NotificationId, now: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord {
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            response: Bytes::copy_from_slice(id.0.as_bytes()),
            expires_at: now.checked_add(ANSWER_LIFE).unwrap_or(now),
        }
    }
}
