//! The outbox with counts.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{Outbox, OutboxId, OutboxRow, StoreError};

use super::call::{Meter, metered};

/// An outbox that tells a meter of every call.
pub struct MeterOutbox {
    inner: Arc<dyn Outbox>,
    meter: Arc<dyn Meter>,
}

impl MeterOutbox {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn Outbox>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl Outbox for MeterOutbox {
    async fn pending(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        metered(&*self.meter, "outbox", "pending", self.inner.pending(limit)).await
    }

    async fn mark_sent(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        metered(&*self.meter, "outbox", "mark_sent", self.inner.mark_sent(ids)).await
    }
}
