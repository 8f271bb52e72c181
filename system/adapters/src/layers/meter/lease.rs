//! The leases with counts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::FencingToken;
use domain::ports::{Acquired, FeedPosition, LeaseName, Leases, StoreError};
use uuid::Uuid;

use super::call::{Meter, metered};

/// Leases that tell a meter of every call.
pub struct MeterLeases {
    inner: Arc<dyn Leases>,
    meter: Arc<dyn Meter>,
}

impl MeterLeases {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn Leases>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl Leases for MeterLeases {
    async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError> {
        metered(&*self.meter, "leases", "acquire", self.inner.acquire(name, holder, life)).await
    }

    async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError> {
        metered(&*self.meter, "leases", "renew", self.inner.renew(name, token, life)).await
    }

    async fn release(&self, name: LeaseName, token: FencingToken) -> Result<(), StoreError> {
        metered(&*self.meter, "leases", "release", self.inner.release(name, token)).await
    }

    async fn move_cursor(&self, name: LeaseName, token: FencingToken, to: FeedPosition) -> Result<bool, StoreError> {
        metered(&*self.meter, "leases", "move_cursor", self.inner.move_cursor(name, token, to)).await
    }
}
