//! The outbox with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Outbox, OutboxId, OutboxRow, StoreError};

use super::deadline::within;

/// An outbox whose every call ends by the deadline.
pub struct TimeoutOutbox {
    inner: Arc<dyn Outbox>,
    deadline: Duration,
}

impl TimeoutOutbox {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn Outbox>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl Outbox for TimeoutOutbox {
    async fn pending(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        within(self.deadline, self.inner.pending(limit)).await
    }

    async fn mark_sent(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        within(self.deadline, self.inner.mark_sent(ids)).await
    }
}
