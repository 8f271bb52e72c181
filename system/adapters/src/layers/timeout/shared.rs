//! The shared tier with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::{
    FillOutcome, FillToken, Key, SharedError, SharedLookup, SharedTier, SharedValue, SharedWrite, StreamEpoch, Version,
    WriteOutcome,
};

use super::deadline::within;

/// A shared tier whose every call ends by the deadline.
pub struct TimeoutShared {
    inner: Arc<dyn SharedTier>,
    deadline: Duration,
}

impl TimeoutShared {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn SharedTier>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl SharedTier for TimeoutShared {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        within(self.deadline, self.inner.get(key, token, epoch)).await
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        within(self.deadline, self.inner.fill(key, token, value, ttl)).await
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        within(self.deadline, self.inner.raise(key, version)).await
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        within(self.deadline, self.inner.write(key, write)).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        within(self.deadline, self.inner.versions(keys, epoch)).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        within(self.deadline, self.inner.drop_key(key)).await
    }
}
