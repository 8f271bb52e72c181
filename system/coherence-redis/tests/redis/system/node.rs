//! A node: a cache, its follower, readers, and the judges of what they are shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coherence::follower::FollowerConfig;
use coherence::testing::Seed;
use coherence::{Cache, CacheConfig, Follower, Freshness, Key, Level, Loader, Plain, ReadOptions, Rng};
use coherence_redis::Redis;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::source::{KEYS, Machine, Source, key, section};

/// C3: an unmarked answer is at most so old.
const BOUND: Duration = Duration::from_secs(5);
/// Readers of a node.
const READERS: u64 = 3;

/// What the judges saw.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    pub(crate) reads: u64,
    pub(crate) by_level: BTreeMap<&'static str, u64>,
    pub(crate) slowest: Duration,
    pub(crate) broken: Vec<String>,
    /// The highest version shown of each row, to whom had their answer.
    shown: BTreeMap<Key, u64>,
}

/// A node with its jobs. They end when it is dropped.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) cache: Cache<Plain>,
    pub(crate) verdicts: Arc<Mutex<Verdicts>>,
    source: Arc<Source>,
    jobs: Vec<JoinHandle<()>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.jobs.iter().for_each(JoinHandle::abort);
    }
}

impl Node {
    /// Starts a node that follows and does not read yet.
    pub(crate) fn start(name: &str, seed: u64, redis: &Redis, source: &Arc<Source>) -> Self {
        let config = CacheConfig { freshness: Freshness::EndToEnd, ..CacheConfig::default() };
        let cache = Cache::new(config, Plain, redis.shared_tier(), Seed::rng(seed), Arc::new(Machine));
        let loader: Arc<dyn Loader> = Arc::clone(source) as _;
        let follower = Follower::new(cache.clone(), redis.backplane(), section(), loader, FollowerConfig::default());
        let jobs = vec![tokio::spawn(follower.run())];
        let (source, verdicts) = (Arc::clone(source), Arc::default());
        Self { name: name.to_owned(), cache, verdicts, source, jobs }
    }

    /// Reads without end.
    pub(crate) fn read(&mut self, seed: u64) {
        for n in 0..READERS {
            let (cache, source, verdicts) = (self.cache.clone(), Arc::clone(&self.source), Arc::clone(&self.verdicts));
            let rng = Seed::rng(seed.wrapping_mul(31).wrapping_add(n));
            self.jobs.push(tokio::spawn(async move {
                loop {
                    one(&cache, &source, &verdicts, &*rng).await;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }));
        }
    }

    /// What a read of each row shows now.
    pub(crate) async fn shows(&self) -> BTreeMap<Key, u64> {
        let loader: Arc<dyn Loader> = Arc::clone(&self.source) as _;
        let mut shown = BTreeMap::new();
        for key in (0..KEYS).map(key) {
            let answer = self.cache.get_or_load(&key, &ReadOptions::default(), &loader).await.unwrap();
            shown.insert(key, answer.version.id.0);
        }
        shown
    }
}

async fn one(cache: &Cache<Plain>, source: &Arc<Source>, verdicts: &Mutex<Verdicts>, rng: &dyn Rng) {
    let key = key(rng.next_u64() % KEYS);
    let shown = verdicts.lock().unwrap().shown.get(&key).copied().unwrap_or_default();
    let bound = source.before(&key, BOUND);
    let loader: Arc<dyn Loader> = Arc::clone(source) as _;
    let begun = Instant::now();
    let answer = cache.get_or_load(&key, &ReadOptions::default(), &loader).await;
    let (took, latest) = (begun.elapsed(), source.latest(&key));
    let mut verdicts = verdicts.lock().unwrap();
    verdicts.reads += 1;
    verdicts.slowest = verdicts.slowest.max(took);
    let broken = match &answer {
        // The source is there all the while: whatever Redis does, a read has its answer.
        Err(error) => Some(format!("{key}: {error} after {took:?}")),
        Ok(answer) => {
            *verdicts.by_level.entry(Level::name(answer.level)).or_default() += 1;
            let version = answer.version.id.0;
            let written = super::source::body(&key, version);
            let shows = answer.view.body.as_ref();
            let held = verdicts.shown.entry(key.clone()).or_default();
            *held = (*held).max(version);
            match () {
                () if version < shown => Some(format!("C1: {key} went back from {shown} to {version}")),
                () if version > latest || shows != Some(&written) => {
                    Some(format!("C2: {key} shows {shows:?}, {version}"))
                }
                () if version < bound => Some(format!(
                    "C3: {key} shows {version} from {}, {bound} is older than {BOUND:?}",
                    answer.level.name()
                )),
                () => None,
            }
        }
    };
    verdicts.broken.extend(broken);
}
