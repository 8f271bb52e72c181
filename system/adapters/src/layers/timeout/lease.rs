//! The leases with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::FencingToken;
use domain::ports::{Acquired, FeedPosition, LeaseName, Leases, StoreError};
use uuid::Uuid;

use super::deadline::within;

/// Leases whose every call ends by the deadline.
pub struct TimeoutLeases {
    inner: Arc<dyn Leases>,
    deadline: Duration,
}

impl TimeoutLeases {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn Leases>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl Leases for TimeoutLeases {
    async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError> {
        within(self.deadline, self.inner.acquire(name, holder, life)).await
    }

    async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError> {
        within(self.deadline, self.inner.renew(name, token, life)).await
    }

    async fn release(&self, name: LeaseName, token: FencingToken) -> Result<(), StoreError> {
        within(self.deadline, self.inner.release(name, token)).await
    }

    async fn move_cursor(&self, name: LeaseName, token: FencingToken, to: FeedPosition) -> Result<bool, StoreError> {
        within(self.deadline, self.inner.move_cursor(name, token, to)).await
    }
}
