//! Ports that a test can break, and tasks that it can freeze.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use adapters::memory::MemoryStore;
use async_trait::async_trait;
use coherence::backplane::{Backplane, BackplaneError, BackplaneSubscription, Claimed, Publication, Published, Replay};
use coherence::shared::MemorySharedTier;
use coherence::{
    Fence, FillOutcome, FillToken, Head, Key, Rng, Section, Sequence, SharedError, SharedLookup, SharedTier,
    SharedValue, SharedWrite, StreamEpoch, Version, WriteOutcome,
};
use domain::ports::{ChangeFeed, FeedBatch, FeedError, FeedPosition, Ids};
use tokio::sync::Notify;
use uuid::Uuid;

/// Ids from a generator.
pub(crate) struct TestIds(pub(crate) Arc<dyn Rng>);

impl Ids for TestIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u64_pair(self.0.next_u64(), self.0.next_u64())
    }
}

/// A process that can be frozen: it is not polled, its timers mean nothing to it, until it thaws.
#[derive(Clone, Default)]
pub(super) struct Ice(Arc<Mutex<(bool, Option<Waker>)>>);

impl Ice {
    pub(super) fn freeze(&self) {
        self.0.lock().unwrap().0 = true;
    }

    pub(super) fn thaw(&self) {
        let mut ice = self.0.lock().unwrap();
        ice.0 = false;
        if let Some(waker) = ice.1.take() {
            waker.wake();
        }
    }

    pub(super) fn around<F: Future<Output = ()> + Send + 'static>(&self, work: F) -> Frozen {
        Frozen { work: Box::pin(work), ice: self.clone() }
    }
}

pub(super) struct Frozen {
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    ice: Ice,
}

impl Future for Frozen {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        {
            let mut ice = self.ice.0.lock().unwrap();
            ice.1 = Some(context.waker().clone());
            if ice.0 {
                return Poll::Pending;
            }
        }
        self.work.as_mut().poll(context)
    }
}

/// The store's feed, which can hang, stand still, and have unreadable places.
pub(super) struct TestFeed {
    pub(super) inner: MemoryStore,
    pub(super) hangs: AtomicBool,
    /// Since when whoever fills it does nothing: it answers, and is at its end.
    pub(super) still: Mutex<Option<tokio::time::Instant>>,
    pub(super) mended: Notify,
    pub(super) corrupt: Mutex<BTreeSet<FeedPosition>>,
    /// The next read goes back by so much.
    pub(super) again: AtomicU32,
}

#[async_trait]
impl ChangeFeed for TestFeed {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        while self.hangs.load(Ordering::SeqCst) {
            self.mended.notified().await;
        }
        if let Some(since) = *self.still.lock().unwrap() {
            return Ok(FeedBatch { changes: Vec::new(), position: after, at_end: true, behind: since.elapsed() });
        }
        let back = u128::from(self.again.swap(0, Ordering::SeqCst));
        let batch = self.inner.read(FeedPosition(after.0.saturating_sub(back)), limit).await?;
        let corrupt = self.corrupt.lock().unwrap();
        match batch.changes.iter().map(|change| change.position).find(|position| corrupt.contains(position)) {
            Some(position) => Err(FeedError::Corrupt { position, reason: "a test says so".to_owned() }),
            None => Ok(batch),
        }
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        self.inner.end().await
    }
}

/// The shared tier, which can hang, with keys whose values it cannot hold.
pub(super) struct TestShared {
    pub(super) inner: MemorySharedTier,
    pub(super) poison: Mutex<BTreeSet<Key>>,
    /// Raises are never answered.
    pub(super) hangs: AtomicBool,
    pub(super) poisoned: AtomicU32,
}

#[async_trait]
impl SharedTier for TestShared {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        self.inner.get(key, token, epoch).await
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: std::time::Duration,
    ) -> Result<FillOutcome, SharedError> {
        self.inner.fill(key, token, value, ttl).await
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.raise(key, version).await
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        if write.value.is_some() && self.poison.lock().unwrap().contains(key) {
            self.poisoned.fetch_add(1, Ordering::SeqCst);
            return Err(SharedError::Corrupt("a test says so".to_owned()));
        }
        self.inner.write(key, write).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        self.inner.versions(keys, epoch).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        self.inner.drop_key(key).await
    }
}

/// The backplane as one instance reaches it: publications can be held up on their way, and get there later.
pub(super) struct TestBackplane {
    pub(super) inner: Arc<dyn Backplane>,
    pub(super) holds: AtomicBool,
    pub(super) held: AtomicU32,
    pub(super) let_go: Notify,
}

#[async_trait]
impl Backplane for TestBackplane {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        self.inner.claim(section, fence).await
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        while self.holds.load(Ordering::SeqCst) {
            self.held.fetch_add(1, Ordering::SeqCst);
            self.let_go.notified().await;
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
