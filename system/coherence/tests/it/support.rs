//! A source whose reads can be held between the moment they see the data and the moment they answer, and a shared tier
//! that counts, lags, fails and waits on demand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coherence::shared::{MemorySharedTier, MemorySharedTierLimits};
use coherence::testing::{Seed, TestClock};
use coherence::*;
use tokio::sync::Notify;

/// Holds whoever passes until it is opened.
#[derive(Default)]
pub struct Gate {
    shut: AtomicBool,
    entered: Notify,
    open: Notify,
}

impl Gate {
    pub fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    /// Lets one through and opens the gate for all who come later.
    pub fn release(&self) {
        self.shut.store(false, Ordering::SeqCst);
        self.open.notify_waiters();
    }

    /// Waits until somebody stands at the gate.
    pub async fn someone(&self) {
        self.entered.notified().await;
    }

    pub async fn pass(&self) {
        if self.shut.load(Ordering::SeqCst) {
            self.entered.notify_one();
            self.open.notified().await;
        }
    }
}

/// The truth: rows with versions, tombstones included.
pub struct Source {
    rows: Mutex<BTreeMap<Key, Document>>,
    pub loads: AtomicU64,
    pub gate: Gate,
    pub down: AtomicBool,
}

impl Source {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            rows: Mutex::default(),
            loads: AtomicU64::new(0),
            gate: Gate::default(),
            down: AtomicBool::new(false),
        })
    }

    pub fn put(&self, key: &Key, version: u64) {
        let body = format!(r#"{{"v":{version}}}"#);
        self.rows.lock().unwrap().insert(key.clone(), Document::present(Version::new(1, version), body));
    }

    pub fn put_document(&self, key: &Key, document: Document) {
        self.rows.lock().unwrap().insert(key.clone(), document);
    }

    pub fn delete(&self, key: &Key, version: u64) {
        self.rows.lock().unwrap().insert(key.clone(), Document::absent(Version::new(1, version)));
    }

    pub fn read(&self, key: &Key) -> Document {
        self.rows.lock().unwrap().get(key).cloned().unwrap_or(Document::absent(Version::new(1, 0)))
    }

    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    pub fn loader(self: &Arc<Self>) -> Arc<dyn Loader> {
        Arc::clone(self) as _
    }
}

#[async_trait]
impl Loader for Source {
    async fn load(&self, key: &Key) -> Result<Document, LoadError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(LoadError { message: "down".into(), retryable: true, source: None });
        }
        let seen = self.read(key);
        self.gate.pass().await;
        Ok(seen)
    }
}

/// The in-process shared tier with faults on demand.
pub struct Shared {
    pub inner: MemorySharedTier,
    pub gets: AtomicU64,
    pub fills: AtomicU64,
    pub raises: AtomicU64,
    /// Every call fails.
    pub down: AtomicBool,
    /// Raises and drops are lost, as if the connection broke.
    pub deaf: AtomicBool,
    pub fill_gate: Gate,
}

impl Shared {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemorySharedTier::new(MemorySharedTierLimits::default()),
            gets: AtomicU64::new(0),
            fills: AtomicU64::new(0),
            raises: AtomicU64::new(0),
            down: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            fill_gate: Gate::default(),
        })
    }

    fn check(&self, writes: bool) -> Result<(), SharedError> {
        match self.down.load(Ordering::SeqCst) || writes && self.deaf.load(Ordering::SeqCst) {
            true => Err(SharedError::Unavailable(None)),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl SharedTier for Shared {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        self.check(false)?;
        self.inner.get(key, token, epoch).await
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        self.fills.fetch_add(1, Ordering::SeqCst);
        self.check(false)?;
        self.fill_gate.pass().await;
        self.inner.fill(key, token, value, ttl).await
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        self.raises.fetch_add(1, Ordering::SeqCst);
        self.check(true)?;
        self.inner.raise(key, version).await
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        self.check(true)?;
        self.inner.write(key, write).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        self.check(false)?;
        self.inner.versions(keys, epoch).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        self.check(true)?;
        self.inner.drop_key(key).await
    }
}

/// A cache with its source and shared tier.
#[derive(Clone)]
pub struct World {
    pub cache: Cache<Plain>,
    pub source: Arc<Source>,
    pub shared: Arc<Shared>,
    pub options: ReadOptions,
}

impl World {
    pub fn new() -> Self {
        Self::with(CacheConfig::default())
    }

    pub fn with(config: CacheConfig) -> Self {
        Self::beside(config, Source::new(), Shared::new())
    }

    /// One more instance over the same source and shared tier.
    pub fn beside(config: CacheConfig, source: Arc<Source>, shared: Arc<Shared>) -> Self {
        let cache = Cache::new(config, Plain, Arc::clone(&shared) as _, Seed::rng(42), TestClock::new());
        Self { cache, source, shared, options: ReadOptions::default() }
    }

    pub async fn get(&self, key: &Key) -> Answer<Document> {
        self.try_get(key).await.expect("an answer")
    }

    pub async fn try_get(&self, key: &Key) -> Result<Answer<Document>, ReadError> {
        let answer = self.cache.get_or_load(key, &self.options, &self.source.loader()).await?;
        assert_eq!(answer.view.version, answer.version, "version and value are of one read");
        Ok(answer)
    }

    /// A read that stands at the source's gate with the data of now in its hands.
    pub async fn held_get(&self, key: &Key) -> tokio::task::JoinHandle<Answer<Document>> {
        self.source.gate.shut();
        let (world, key) = (self.clone(), key.clone());
        let reader = tokio::spawn(async move { world.get(&key).await });
        self.source.gate.someone().await;
        reader
    }

    /// A write: the source commits, then the cache is told.
    pub async fn write(&self, key: &Key, version: u64) {
        self.source.put(key, version);
        self.told(key, version).await;
    }

    pub async fn told(&self, key: &Key, version: u64) {
        let _ = self.cache.changed(key, Version::new(1, version), &[]).await;
    }

    /// What each tier would answer for the key, lowest first; the probing leaves L3's fill token behind.
    pub async fn held(&self, key: &Key) -> Vec<(Level, u64)> {
        let mut held = Vec::new();
        if let Some(hit) = self.cache.peek(key.as_str(), None) {
            held.push((Level::L1, hit.version.id.0));
        }
        self.cache.drop_l1(key);
        self.source.down.store(true, Ordering::SeqCst);
        let l3_down = self.shared.down.swap(true, Ordering::SeqCst);
        if let Ok(answer) = self.try_get(key).await {
            held.push((answer.level, answer.version.id.0));
        }
        self.cache.drop_l1(key);
        self.cache.drop_l2(key);
        self.shared.down.store(l3_down, Ordering::SeqCst);
        if let Ok(answer) = self.try_get(key).await {
            held.push((answer.level, answer.version.id.0));
        }
        self.source.down.store(false, Ordering::SeqCst);
        held
    }
}

pub fn key(n: u64) -> Key {
    Key::prefixed("thing:", n)
}

impl Shared {
    /// Empties the values, so that the next read misses here too.
    pub async fn drop_values_for_a_miss(&self, _key: &Key) {
        self.inner.drop_values();
    }
}
