//! The backplane with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::backplane::{Backplane, BackplaneError, BackplaneSubscription, Claimed, Publication, Published, Replay};
use coherence::{Fence, Head, Section, Sequence, StreamEpoch};

use super::deadline::within;

/// A backplane whose every call ends by the deadline.
pub struct TimeoutBackplane {
    inner: Arc<dyn Backplane>,
    deadline: Duration,
}

impl TimeoutBackplane {
    /// Puts `deadline` on every call of `inner`. Waiting for a delivery has none.
    pub fn new(inner: Arc<dyn Backplane>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl Backplane for TimeoutBackplane {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        within(self.deadline, self.inner.claim(section, fence)).await
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        within(self.deadline, self.inner.publish(section, publication)).await
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        within(self.deadline, self.inner.announce(section, fence, head)).await
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        within(self.deadline, self.inner.head(section)).await
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        within(self.deadline, self.inner.replay(section, epoch, after, limit)).await
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        within(self.deadline, self.inner.subscribe(section)).await
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        within(self.deadline, self.inner.identity()).await
    }
}
