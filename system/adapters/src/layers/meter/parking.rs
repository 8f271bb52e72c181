//! The parked events with counts.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{ParkedEvent, ParkedId, Parking, StoreError};

use super::call::{Meter, metered};

/// Parked events that tell a meter of every call.
pub struct MeterParking {
    inner: Arc<dyn Parking>,
    meter: Arc<dyn Meter>,
}

impl MeterParking {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn Parking>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl Parking for MeterParking {
    async fn park(&self, event: ParkedEvent) -> Result<(), StoreError> {
        metered(&*self.meter, "parking", "park", self.inner.park(event)).await
    }

    async fn parked(&self, limit: u32) -> Result<Vec<ParkedEvent>, StoreError> {
        metered(&*self.meter, "parking", "parked", self.inner.parked(limit)).await
    }

    async fn get(&self, id: ParkedId) -> Result<Option<ParkedEvent>, StoreError> {
        metered(&*self.meter, "parking", "get", self.inner.get(id)).await
    }

    async fn discard(&self, id: ParkedId) -> Result<bool, StoreError> {
        metered(&*self.meter, "parking", "discard", self.inner.discard(id)).await
    }
}
