//! Ports that are sick in one place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coherence::backplane::{
    Backplane, BackplaneError, BackplaneSubscription, Claimed, MemoryBackplane, Publication, Published, Replay,
};
use coherence::follower::{Follower, FollowerConfig};
use coherence::shared::MemorySharedTier;
use coherence::testing::{LossyBackplane, Seed, TestClock};
use coherence::*;

use super::group::*;

/// A backplane of which single calls are sick.
pub struct Sick {
    inner: MemoryBackplane,
    /// `head` never answers.
    pub head_hangs: AtomicBool,
    /// `replay` says that the stream cannot be read, now or later.
    pub replay_is_corrupt: AtomicBool,
    /// `replay` takes longer than its deadline: too much at once for this line.
    pub replay_is_slow: AtomicBool,
}

impl Sick {
    pub fn new(inner: &MemoryBackplane) -> Arc<Self> {
        Arc::new(Self {
            inner: inner.clone(),
            head_hangs: AtomicBool::new(false),
            replay_is_corrupt: AtomicBool::new(false),
            replay_is_slow: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Backplane for Sick {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        self.inner.claim(section, fence).await
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        self.inner.publish(section, publication).await
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        self.inner.announce(section, fence, head).await
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        if self.head_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.head(section).await
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        if self.replay_is_corrupt.load(Ordering::SeqCst) {
            return Err(BackplaneError::Corrupt("an entry of the stream".into()));
        }
        if self.replay_is_slow.load(Ordering::SeqCst) {
            // 5 ms for each message asked for: 2.5 s for a page of 500.
            tokio::time::sleep(Duration::from_millis(5) * u32::try_from(limit).unwrap()).await;
        }
        self.inner.replay(section, epoch, after, limit).await
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        self.inner.subscribe(section).await
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        self.inner.identity().await
    }
}

/// A shared tier whose bulk question is never answered, once; and one whose answer to it is a lie of omission.
pub struct HangingVersions {
    pub inner: Arc<MemorySharedTier>,
    pub hangs: AtomicU64,
}

#[async_trait]
impl SharedTier for HangingVersions {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        self.inner.get(key, token, epoch).await
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        self.inner.fill(key, token, value, ttl).await
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        self.inner.raise(key, version).await
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        self.inner.write(key, write).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        if self.hangs.load(Ordering::SeqCst) > 0 {
            self.hangs.fetch_sub(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        self.inner.versions(keys, epoch).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        self.inner.drop_key(key).await
    }
}

pub fn node_over(group: &Group, shared: Arc<dyn SharedTier>, inner: Arc<dyn Backplane>) -> Node {
    let config = CacheConfig { freshness: Freshness::EndToEnd, ..CacheConfig::default() };
    let lossy = LossyBackplane::new(inner);
    let clock = TestClock::new();
    let cache = Cache::new(config, Plain, shared, Seed::rng(77), clock.clone());
    let follower = Follower::new(
        cache.clone(),
        Arc::new(lossy.clone()),
        group.section.clone(),
        group.truth.clone(),
        FollowerConfig::default(),
    );
    let handle = follower.handle();
    Node { cache, handle, lossy, clock, running: tokio::spawn(follower.run()) }
}
