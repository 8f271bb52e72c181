//! The library of caches alone, without any service around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coherence::shared::MemorySharedTier;
use coherence::{
    Cache, CacheConfig, Document, Key, Level, LoadError, Loader, Plain, ReadOptions, Rng, Tag, Timestamp, Version,
    WallClock,
};

use crate::documents::document;

/// A clock and a generator for benches.
struct Machine(AtomicU64);

impl Rng for Machine {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
    }
}

impl WallClock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A source that answers any key with a document that carries one tag, after `delay`, and counts.
struct Source {
    delay: Duration,
    loads: AtomicU64,
    tags: Arc<[Tag]>,
}

#[async_trait::async_trait]
impl Loader for Source {
    async fn load(&self, _key: &Key) -> Result<Document, LoadError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let document = Document::present(Version::new(1, 1), document(1).to_string());
        Ok(document.with_tags(Arc::clone(&self.tags)))
    }
}

fn source(delay: Duration) -> Arc<Source> {
    let tags = Arc::from([Tag::new("company:1").unwrap()]);
    Arc::new(Source { delay, loads: AtomicU64::new(0), tags })
}

fn open() -> Cache<Plain> {
    let shared = Arc::new(MemorySharedTier::new(Default::default()));
    let machine = Arc::new(Machine(AtomicU64::new(7)));
    // Room for a hundred thousand documents.
    let config =
        CacheConfig { l1_bytes: 256 << 20, l2_bytes: 256 << 20, floors_max: 200_000, ..CacheConfig::default() };
    Cache::new(config, Plain, shared, Arc::clone(&machine) as _, machine)
}

/// A cache that is trusted for its lives, and a source that answers at once.
pub fn cache() -> (Cache<Plain>, Arc<dyn Loader>) {
    (open(), source(Duration::ZERO))
}

/// Fills a key.
pub async fn filled(cache: &Cache<Plain>, loader: &Arc<dyn Loader>, key: &Key) {
    let answer = cache.get_or_load(key, &ReadOptions::default(), loader).await.unwrap();
    assert_eq!(answer.level, Level::L4, "it was cold");
}

/// `callers` of one cold key at once, whose source takes `delay`: how long the slowest waited, and how often the source was
/// read.
pub async fn stampede(callers: usize, delay: Duration) -> (Duration, u64) {
    let (cache, source) = (open(), source(delay));
    let loader: Arc<dyn Loader> = Arc::clone(&source) as _;
    let key = Key::new("cold").unwrap();
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let (cache, loader, key) = (cache.clone(), Arc::clone(&loader), key.clone());
        running.spawn(async move {
            cache.get_or_load(&key, &ReadOptions::default(), &loader).await.unwrap();
            began.elapsed()
        });
    }
    let waited = running.join_all().await;
    (waited.into_iter().max().unwrap(), source.loads.load(Ordering::Relaxed))
}
