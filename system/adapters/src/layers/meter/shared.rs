//! The shared tier with counts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::{
    FillOutcome, FillToken, Key, SharedError, SharedLookup, SharedTier, SharedValue, SharedWrite, StreamEpoch, Version,
    WriteOutcome,
};

use super::call::{Meter, metered};

/// A shared tier that tells a meter of every call.
pub struct MeterShared {
    inner: Arc<dyn SharedTier>,
    meter: Arc<dyn Meter>,
}

impl MeterShared {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn SharedTier>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl SharedTier for MeterShared {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        metered(&*self.meter, "shared", "get", self.inner.get(key, token, epoch)).await
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        metered(&*self.meter, "shared", "fill", self.inner.fill(key, token, value, ttl)).await
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        metered(&*self.meter, "shared", "raise", self.inner.raise(key, version)).await
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        metered(&*self.meter, "shared", "write", self.inner.write(key, write)).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        metered(&*self.meter, "shared", "versions", self.inner.versions(keys, epoch)).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        metered(&*self.meter, "shared", "drop_key", self.inner.drop_key(key)).await
    }
}
