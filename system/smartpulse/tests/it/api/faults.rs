//! The store and the shared tier, as they are and as they fail: they count, refuse and hold what a test tells them to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coherence::{
    FillOutcome, FillToken, Incarnation, Key, SharedError, SharedLookup, SharedTier, SharedValue, SharedWrite,
    StreamEpoch, Version, VersionId, WriteOutcome,
};
use domain::model::{Forecast, ForecastId, NaturalKey};
use domain::ports::{
    Committed, IdempotencyKey, IdempotencyRecord, ListPage, ListQuery, Lookup, Store, StoreError, WriteSet,
};
use tokio::sync::watch;

/// A place where calls wait while it is closed.
pub(super) struct Gate {
    closed: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { closed: watch::Sender::new(false), waiting: watch::Sender::new(0) }
    }
}

impl Gate {
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(super) fn open(&self) {
        self.closed.send_replace(false);
    }

    /// Waits until so many calls stand at the gate.
    pub(super) async fn reached_by(&self, calls: usize) {
        self.waiting.subscribe().wait_for(|waiting| *waiting >= calls).await.unwrap();
    }

    async fn pass(&self) {
        struct Waits<'a>(&'a Gate);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.waiting.send_modify(|waiting| *waiting -= 1);
            }
        }
        if !*self.closed.borrow() {
            return;
        }
        self.waiting.send_modify(|waiting| *waiting += 1);
        let _waits = Waits(self);
        self.closed.subscribe().wait_for(|closed| !closed).await.unwrap();
    }
}

/// How often something was called.
#[derive(Default)]
pub(super) struct Count(AtomicU32);

impl Count {
    fn up(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A store around another one.
pub(super) struct TestStore {
    inner: Arc<dyn Store>,
    pub(super) gets: Count,
    pub(super) lists: Count,
    pub(super) commits: Count,
    /// What every call answers, if anything.
    pub(super) error: Mutex<Option<StoreError>>,
    /// Reads of one row wait here.
    pub(super) get_gate: Gate,
    /// Reads of lists wait here, after they have read.
    pub(super) list_gate: Gate,
    /// Commits wait here before they begin.
    pub(super) before_commit: Gate,
    /// Commits wait here once they are durable, before they answer.
    pub(super) after_commit: Gate,
}

impl TestStore {
    pub(super) fn around(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            gets: Count::default(),
            lists: Count::default(),
            commits: Count::default(),
            error: Mutex::default(),
            get_gate: Gate::default(),
            list_gate: Gate::default(),
            before_commit: Gate::default(),
            after_commit: Gate::default(),
        }
    }

    pub(super) fn fail(&self, error: StoreError) {
        *self.error.lock().unwrap() = Some(error);
    }

    pub(super) fn heal(&self) {
        *self.error.lock().unwrap() = None;
    }

    fn up(&self) -> Result<(), StoreError> {
        self.error.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Store for TestStore {
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError> {
        self.gets.up();
        self.get_gate.pass().await;
        self.up()?;
        self.inner.get(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        self.lists.up();
        self.up()?;
        let page = self.inner.list(query).await;
        self.list_gate.pass().await;
        page
    }

    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        self.up()?;
        self.inner.find(keys).await
    }

    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        self.commits.up();
        self.before_commit.pass().await;
        self.up()?;
        let committed = self.inner.commit(set).await;
        self.after_commit.pass().await;
        committed
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.up()?;
        self.inner.idempotency(key).await
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        self.up()?;
        self.inner.incarnation().await
    }

    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        self.up()?;
        self.inner.versions(ids).await
    }

    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        self.inner.raise_incarnation(above).await
    }
}

/// A shared tier around another one.
pub(super) struct TestShared {
    inner: Arc<dyn SharedTier>,
    pub(super) gets: Count,
    pub(super) fills: Count,
    pub(super) raises: Count,
    down: AtomicU32,
}

impl TestShared {
    pub(super) fn around(inner: Arc<dyn SharedTier>) -> Self {
        Self {
            inner,
            gets: Count::default(),
            fills: Count::default(),
            raises: Count::default(),
            down: AtomicU32::new(0),
        }
    }

    pub(super) fn fail(&self) {
        self.down.store(1, Ordering::SeqCst);
    }

    fn up(&self) -> Result<(), SharedError> {
        if self.down.load(Ordering::SeqCst) == 0 { Ok(()) } else { Err(SharedError::Unavailable(None)) }
    }
}

#[async_trait]
impl SharedTier for TestShared {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        self.gets.up();
        self.up()?;
        self.inner.get(key, token, epoch).await
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        self.fills.up();
        self.up()?;
        self.inner.fill(key, token, value, ttl).await
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        self.raises.up();
        self.up()?;
        self.inner.raise(key, version).await
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        self.up()?;
        self.inner.write(key, write).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        self.up()?;
        self.inner.versions(keys, epoch).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        self.up()?;
        self.inner.drop_key(key).await
    }
}
