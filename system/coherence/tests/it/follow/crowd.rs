//! A writer that others outrun.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use coherence::backplane::{
    Backplane, BackplaneError, BackplaneSubscription, Claimed, MemoryBackplane, MemoryBackplaneLimits, Publication,
    Published, Replay,
};
use coherence::publisher::{Publisher, PublisherConfig};
use coherence::testing::{Seed, TestClock};
use coherence::*;

use super::group::*;

/// A backplane on which somebody else is always a little faster.
struct Crowded {
    inner: MemoryBackplane,
    other: tokio::sync::Mutex<Publisher>,
    others: AtomicU64,
    clock: Arc<TestClock>,
}

#[async_trait]
impl Backplane for Crowded {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        self.inner.claim(section, fence).await
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        if self.others.load(Ordering::SeqCst) > 0 {
            self.others.fetch_sub(1, Ordering::SeqCst);
            let mut other = self.other.lock().await;
            other.claim(Fence::default()).await.unwrap();
            let change = SourceChange {
                key: key(1_000),
                version: Version::new(1, 1_000 - self.others.load(Ordering::SeqCst)),
                body: None,
                tags: Vec::new(),
                tags_complete: true,
                changed_at: self.clock.now(),
                pull: false,
                traceparent: None,
                stations: coherence::stream::Stations::default(),
            };
            other.publish(&change, SourceMark::default()).await.unwrap();
        }
        self.inner.publish(section, publication).await
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        self.inner.announce(section, fence, head).await
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        self.inner.head(section).await
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        self.inner.replay(section, epoch, after, limit).await
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        self.inner.subscribe(section).await
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        self.inner.identity().await
    }
}

/// publisher/writer.rs, error.rs: a writer that was too slow 16 times gives up with an error that says "do not try again"
/// (`OutOfStep` is not retryable), so a caller who obeys `Writer::changed` ("where it is retryable, tell the same change
/// again") drops the change. The beacon goes on, and instances serve the old document for ever.
#[tokio::test(start_paused = true)]
async fn a_writer_that_others_outran_may_try_again() {
    let group = Group::silent(MemoryBackplaneLimits::default());
    let writer_over = |backplane: Arc<dyn Backplane>, seed| {
        Publisher::new(
            group.section.clone(),
            group.shared.clone(),
            backplane,
            group.clock.clone(),
            Seed::rng(seed),
            format!("program-{seed}"),
            PublisherConfig::default(),
        )
    };
    let crowded = Arc::new(Crowded {
        inner: group.backplane.clone(),
        other: tokio::sync::Mutex::new(writer_over(Arc::new(group.backplane.clone()), 2)),
        others: AtomicU64::new(0),
        clock: group.clock.clone(),
    });
    let writer = Writer::new(writer_over(crowded.clone(), 1), group.clock.clone());
    writer.beat().await.unwrap();
    crowded.others.store(16, Ordering::SeqCst);
    let (version, body) = (Version::new(1, 1), document(&key(1), 1).body);
    let mut outcome = writer.changed(&key(1), version, body.clone(), &[]).await;
    while let Err(error) = &outcome
        && error.is_retryable()
    {
        outcome = writer.changed(&key(1), version, body.clone(), &[]).await;
    }
    assert!(outcome.is_ok(), "the change is lost: {outcome:?}");
}
