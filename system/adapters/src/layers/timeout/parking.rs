//! The parked events with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ParkedEvent, ParkedId, Parking, StoreError};

use super::deadline::within;

/// Parked events whose every call ends by the deadline.
pub struct TimeoutParking {
    inner: Arc<dyn Parking>,
    deadline: Duration,
}

impl TimeoutParking {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn Parking>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl Parking for TimeoutParking {
    async fn park(&self, event: ParkedEvent) -> Result<(), StoreError> {
        within(self.deadline, self.inner.park(event)).await
    }

    async fn parked(&self, limit: u32) -> Result<Vec<ParkedEvent>, StoreError> {
        within(self.deadline, self.inner.parked(limit)).await
    }

    async fn get(&self, id: ParkedId) -> Result<Option<ParkedEvent>, StoreError> {
        within(self.deadline, self.inner.get(id)).await
    }

    async fn discard(&self, id: ParkedId) -> Result<bool, StoreError> {
        within(self.deadline, self.inner.discard(id)).await
    }
}
