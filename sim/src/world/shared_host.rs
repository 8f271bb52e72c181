//! The host of the shared tier and the backplane, as one Redis is both.

use std::sync::Arc;
use std::time::Duration;

use coherence::backplane::{
    Backplane, BackplaneError, BackplaneSnapshot, Claimed, MemoryBackplane, MemoryBackplaneLimits, Publication,
    Published, Replay,
};
use coherence::shared::{
    FillOutcome, FillToken, MemorySharedTier, MemorySharedTierLimits, SharedError, SharedSnapshot, SharedTier,
    SharedValue, SharedWrite, WriteOutcome,
};
use coherence::stream::{ChangeMessage, Head, Section};
use coherence::{Fence, Key, Sequence, StreamEpoch, Version};

use crate::log::{Event, Streamed, Ver, narrow};
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
        self.net.log.record(&self.net.host, None, Event::MemoryLost);
    }

    /// What a replica has of both.
    pub fn copy(&self) -> (SharedSnapshot, BackplaneSnapshot) {
        self.net.time.within(|| (self.tier.snapshot(), self.backplane.snapshot()))
    }

    /// A replica that has so much is promoted.
    pub fn fall_back(&self, (values, streams): (SharedSnapshot, BackplaneSnapshot)) {
        self.net.mark("replica_promoted");
        self.net.time.within(|| {
            self.tier.fall_back(values);
            self.backplane.fall_back(streams);
        });
        self.net.log.record(&self.net.host, None, Event::MemoryLost);
    }

    pub(crate) async fn fill(
        &self,
        key: Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        let (version, epoch) = (Ver::from(value.version), value.epoch);
        let outcome = self.tier.fill(&key, token, value, ttl).await;
        match outcome {
            Ok(FillOutcome::Refused) => self.net.mark("shared_fill_refused"),
            Ok(FillOutcome::Stored) => self.stored(&key, version, None, epoch),
            Err(_) => {}
        }
        outcome
    }

    fn stored(&self, key: &Key, version: Ver, term: Option<Ver>, epoch: StreamEpoch) {
        let event = Event::Stored { key: key.as_str().to_owned(), version, term, epoch: epoch.0 };
        self.net.log.record(&self.net.host, None, event);
    }

    pub(crate) async fn raise(&self, key: Key, version: Version) -> Result<(), SharedError> {
        let raised = self.tier.raise(&key, version).await;
        if raised.is_ok() {
            let event = Event::Raised { key: key.as_str().to_owned(), version: version.into() };
            self.net.log.record(&self.net.host, None, event);
        }
        raised
    }

    pub(crate) async fn write(&self, key: Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        let (term, version) = (Ver(write.fence.incarnation.0, write.fence.token.0), Ver::from(write.version));
        let epoch = write.epoch;
        let outcome = self.tier.write(&key, write).await;
        match &outcome {
            Ok(WriteOutcome::Written) => self.stored(&key, version, Some(term), epoch),
            Ok(WriteOutcome::Older { latest }) => {
                self.net.mark("shared_write_older");
                let event = Event::Passed { key: key.as_str().to_owned(), version: (*latest).into(), epoch: epoch.0 };
                self.net.log.record(&self.net.host, None, event);
            }
            Ok(WriteOutcome::Fenced { .. }) => self.net.mark("zombie_fenced"),
            _ => {}
        }
        outcome
    }

    pub(crate) async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        let known = self.tier.versions(keys, epoch).await;
        if let Ok(known) = &known {
            let of = keys.iter().zip(known);
            let keys: Vec<_> =
                of.filter_map(|(key, known)| Some((key.as_str().to_owned(), Ver::from((*known)?)))).collect();
            if !keys.is_empty() {
                self.net.log.record(&self.net.host, None, Event::Vouched { epoch: epoch.0, keys });
            }
        }
        known
    }

    pub(crate) async fn claim(&self, section: Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        let claimed = self.backplane.claim(&section, fence).await;
        if matches!(claimed, Ok(Claimed::Fenced { .. })) {
            self.net.mark("zombie_fenced");
        }
        claimed
    }

    fn published(&self, fence: Fence, head: &Head, outcome: &Result<Published, BackplaneError>) {
        match outcome {
            Ok(Published::Done) => {
                let streamed = Streamed {
                    term: Ver(fence.incarnation.0, fence.token.0),
                    epoch: head.stream_epoch.0,
                    sequence: head.sequence.0,
                    tracker: Ver(head.incarnation.0, head.source.tracker_token.0),
                    counter: head.source.tracker_counter,
                    position: narrow(head.source.feed_position),
                };
                self.net.log.record(&self.net.host, None, Event::Streamed(streamed));
            }
            Ok(Published::Fenced { .. }) => self.net.mark("zombie_fenced"),
            Ok(Published::OutOfStep { .. }) => self.net.mark("publish_out_of_step"),
            _ => {}
        }
    }

    pub(crate) async fn publish(&self, section: Section, what: Publication) -> Result<Published, BackplaneError> {
        let (fence, head) = (what.fence, what.head.clone());
        let change = ChangeMessage::read(&what.payload).ok();
        let change = change.and_then(|message| Some((message.key(&section).ok()?, message.version(head.incarnation))));
        let outcome = self.backplane.publish(&section, what).await;
        self.published(fence, &head, &outcome);
        if let (Ok(Published::Done), Some((key, version))) = (&outcome, change) {
            let event = Event::StreamedChange { key: key.as_str().to_owned(), version: version.into() };
            self.net.log.record(&self.net.host, None, event);
        }
        outcome
    }

    pub(crate) async fn announce(
        &self,
        section: Section,
        fence: Fence,
        head: Head,
    ) -> Result<Published, BackplaneError> {
        let outcome = self.backplane.announce(&section, fence, head.clone()).await;
        self.published(fence, &head, &outcome);
        outcome
    }

    pub(crate) async fn replay(
        &self,
        section: Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        if self.net.weather.is_unreadable() {
            self.net.mark("stream_unreadable");
            return Err(BackplaneError::Unavailable(None));
        }
        let replayed = self.backplane.replay(&section, epoch, after, limit).await;
        match &replayed {
            Ok(Replay::Messages(messages)) if !messages.is_empty() => self.net.mark("replayed_from_stream"),
            Ok(Replay::OutOfReach) => self.net.mark("replay_out_of_reach"),
            _ => {}
        }
        replayed
    }
}
