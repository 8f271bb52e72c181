//! The host of the shared tier and the backplane, as one Redis is both.

use std::sync::Arc;
use std::time::Duration;

use coherence::backplane::{
    Backplane, BackplaneError, Claimed, MemoryBackplane, MemoryBackplaneLimits, Publication, Published, Replay,
};
use coherence::shared::{
    FillOutcome, FillToken, MemorySharedTier, MemorySharedTierLimits, SharedError, SharedSnapshot, SharedTier,
    SharedValue, SharedWrite, WriteOutcome,
};
use coherence::stream::{Head, Section};
use coherence::{Fence, Key, Sequence, StreamEpoch};

use crate::wire::Net;

/// Both, with their log. Clones share everything.
#[derive(Clone)]
pub struct SharedHost {
    /// The shared tier.
    pub tier: Arc<MemorySharedTier>,
    /// The backplane.
    pub backplane: MemoryBackplane,
    /// Their host on the network.
    pub net: Net,
}

impl SharedHost {
    /// Both, empty. A short repair stream, so that some followers fall out of its reach.
    pub fn new(net: Net, stream_messages: usize) -> Self {
        let limits = MemoryBackplaneLimits { stream_messages, ..MemoryBackplaneLimits::default() };
        Self {
            tier: Arc::new(MemorySharedTier::new(MemorySharedTierLimits::default())),
            backplane: MemoryBackplane::new(limits),
            net,
        }
    }

    /// All that it held is gone, as after a power cut of a Redis that writes no file; so is its identity.
    pub fn lose_memory(&self) {
        self.net.time.within(|| {
            self.tier.fall_back(SharedSnapshot::default());
            let nothing = MemoryBackplane::new(MemoryBackplaneLimits::default()).snapshot();
            self.backplane.fall_back(nothing);
        });
    }

    pub(crate) async fn fill(
        &self,
        key: Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        let outcome = self.tier.fill(&key, token, value, ttl).await;
        if matches!(outcome, Ok(FillOutcome::Refused)) {
            self.net.mark("shared_fill_refused");
        }
        outcome
    }

    pub(crate) async fn write(&self, key: Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        let outcome = self.tier.write(&key, write).await;
        match &outcome {
            Ok(WriteOutcome::Older { .. }) => self.net.mark("shared_write_older"),
            Ok(WriteOutcome::Fenced { .. }) => self.net.mark("zombie_fenced"),
            _ => {}
        }
        outcome
    }

    pub(crate) async fn claim(&self, section: Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        let claimed = self.backplane.claim(&section, fence).await;
        if matches!(claimed, Ok(Claimed::Fenced { .. })) {
            self.net.mark("zombie_fenced");
        }
        claimed
    }

    fn published(&self, outcome: &Result<Published, BackplaneError>) {
        match outcome {
            Ok(Published::Fenced { .. }) => self.net.mark("zombie_fenced"),
            Ok(Published::OutOfStep { .. }) => self.net.mark("publish_out_of_step"),
            _ => {}
        }
    }

    pub(crate) async fn publish(&self, section: Section, what: Publication) -> Result<Published, BackplaneError> {
        let outcome = self.backplane.publish(&section, what).await;
        self.published(&outcome);
        outcome
    }

    pub(crate) async fn announce(
        &self,
        section: Section,
        fence: Fence,
        head: Head,
    ) -> Result<Published, BackplaneError> {
        let outcome = self.backplane.announce(&section, fence, head).await;
        self.published(&outcome);
        outcome
    }

    pub(crate) async fn replay(
        &self,
        section: Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        let replayed = self.backplane.replay(&section, epoch, after, limit).await;
        match &replayed {
            Ok(Replay::Messages(messages)) if !messages.is_empty() => self.net.mark("replayed_from_stream"),
            Ok(Replay::OutOfReach) => self.net.mark("replay_out_of_reach"),
            _ => {}
        }
        replayed
    }
}
