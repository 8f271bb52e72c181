//! The change feed with counts.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{ChangeFeed, FeedBatch, FeedError, FeedPosition};

use super::call::{Meter, metered};

/// A change feed that tells a meter of every call.
pub struct MeterFeed {
    inner: Arc<dyn ChangeFeed>,
    meter: Arc<dyn Meter>,
}

impl MeterFeed {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn ChangeFeed>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl ChangeFeed for MeterFeed {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        metered(&*self.meter, "feed", "read", self.inner.read(after, limit)).await
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        metered(&*self.meter, "feed", "end", self.inner.end()).await
    }
    fn distance(&self, from: FeedPosition, to: FeedPosition) -> Option<u64> {
        self.inner.distance(from, to)
    }
}
