//! The backplane with counts.

use std::sync::Arc;

use async_trait::async_trait;
use coherence::backplane::{
    Backplane, BackplaneDelivery, BackplaneError, BackplaneSubscription, Claimed, Publication, Published, Replay,
};
use coherence::{Fence, Head, Section, Sequence, StreamEpoch};

use super::call::{Meter, metered};

/// A backplane that tells a meter of every call.
pub struct MeterBackplane {
    inner: Arc<dyn Backplane>,
    meter: Arc<dyn Meter>,
}

impl MeterBackplane {
    /// Tells `meter` of every call of `inner` and of its subscriptions.
    pub fn new(inner: Arc<dyn Backplane>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl Backplane for MeterBackplane {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        metered(&*self.meter, "backplane", "claim", self.inner.claim(section, fence)).await
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        metered(&*self.meter, "backplane", "publish", self.inner.publish(section, publication)).await
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        metered(&*self.meter, "backplane", "announce", self.inner.announce(section, fence, head)).await
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        metered(&*self.meter, "backplane", "head", self.inner.head(section)).await
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        metered(&*self.meter, "backplane", "replay", self.inner.replay(section, epoch, after, limit)).await
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        let inner = metered(&*self.meter, "backplane", "subscribe", self.inner.subscribe(section)).await?;
        Ok(Box::new(MeterSubscription { inner, meter: Arc::clone(&self.meter) }))
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        metered(&*self.meter, "backplane", "identity", self.inner.identity()).await
    }
}

struct MeterSubscription {
    inner: Box<dyn BackplaneSubscription>,
    meter: Arc<dyn Meter>,
}

#[async_trait]
impl BackplaneSubscription for MeterSubscription {
    async fn next(&mut self) -> Result<BackplaneDelivery, BackplaneError> {
        metered(&*self.meter, "backplane", "next", self.inner.next()).await
    }
}
