//! The change feed with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ChangeFeed, FeedBatch, FeedError, FeedPosition};

use super::deadline::within;

/// A change feed whose every call ends by the deadline.
pub struct TimeoutFeed {
    inner: Arc<dyn ChangeFeed>,
    deadline: Duration,
}

impl TimeoutFeed {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn ChangeFeed>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl ChangeFeed for TimeoutFeed {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        within(self.deadline, self.inner.read(after, limit)).await
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        within(self.deadline, self.inner.end()).await
    }
}
