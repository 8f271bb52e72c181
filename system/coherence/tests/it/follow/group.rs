//! A group of instances over one source, one shared tier and one backplane, with the writer of the section.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coherence::backplane::{MemoryBackplane, MemoryBackplaneLimits};
use coherence::follower::{Follower, FollowerConfig, FollowerHandle, RefetchBudget};
use coherence::publisher::{Publisher, PublisherConfig, SourceChange};
use coherence::shared::{MemorySharedTier, MemorySharedTierLimits};
use coherence::stream::{Section, SourceMark, Stations};
use coherence::testing::{Fate, LossyBackplane, Seed, TestClock};
use coherence::*;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::Gate;

/// The truth.
pub struct Truth {
    rows: Mutex<BTreeMap<Key, Document>>,
    pub loads: AtomicU64,
    pub asked: AtomicU64,
    pub down: AtomicBool,
    pub gate: Gate,
    /// Questions for versions wait here.
    pub versions_gate: Gate,
}

#[async_trait]
impl Loader for Truth {
    async fn load(&self, key: &Key) -> Result<Document, LoadError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.up()?;
        let seen = self.read(key);
        self.gate.pass().await;
        Ok(seen)
    }

    async fn versions(&self, keys: &[Key]) -> Result<Option<Vec<Version>>, LoadError> {
        self.asked.fetch_add(keys.len() as u64, Ordering::SeqCst);
        self.up()?;
        let versions = keys.iter().map(|key| self.read(key).version).collect();
        self.versions_gate.pass().await;
        Ok(Some(versions))
    }
}

impl Truth {
    fn up(&self) -> Result<(), LoadError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(LoadError { message: "down".into(), retryable: true, source: None }),
            false => Ok(()),
        }
    }

    pub fn read(&self, key: &Key) -> Document {
        self.rows.lock().unwrap().get(key).cloned().unwrap_or(Document::absent(Version::new(1, 0)))
    }

    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

pub struct Group {
    pub truth: Arc<Truth>,
    pub shared: Arc<MemorySharedTier>,
    pub backplane: MemoryBackplane,
    pub clock: Arc<TestClock>,
    pub section: Section,
    pub publisher: tokio::sync::Mutex<Publisher>,
    pub nodes: Vec<Node>,
    position: AtomicU64,
    incarnation: AtomicU64,
}

pub struct Node {
    pub cache: Cache<Plain>,
    pub handle: FollowerHandle,
    pub lossy: LossyBackplane,
    pub clock: Arc<TestClock>,
    pub running: JoinHandle<()>,
}

/// A document with many members, in alphabetical order, as `Plain` keeps them.
pub fn document(key: &Key, version: u64) -> Document {
    document_at(key, Version::new(1, version))
}

pub fn document_at(key: &Key, version: Version) -> Document {
    let members = json!({
        "a": "constant", "filler": "x".repeat(200), "key": key.as_str(), "v": version.id.0,
    });
    Document::present(version, members.to_string())
}

pub fn key(n: u64) -> Key {
    Key::prefixed("thing:", n)
}

impl Group {
    pub async fn new(nodes: usize) -> Self {
        Self::with(nodes, CacheConfig::default(), MemoryBackplaneLimits::default()).await
    }

    pub async fn with(nodes: usize, config: CacheConfig, limits: MemoryBackplaneLimits) -> Self {
        let group = Self::silent(limits);
        let mut group = Self { nodes: Vec::new(), ..group };
        group.begin_epoch().await;
        for n in 0..nodes {
            group.nodes.push(group.node(n as u64, config.clone()));
        }
        group.settle().await;
        group
    }

    /// No instance, and no head yet.
    pub fn silent(limits: MemoryBackplaneLimits) -> Self {
        let clock = TestClock::new();
        let shared = Arc::new(MemorySharedTier::new(MemorySharedTierLimits::default()));
        let backplane = MemoryBackplane::new(limits);
        let section = Section::new("test", "thing").unwrap();
        let publisher = Publisher::new(
            section.clone(),
            Arc::clone(&shared) as _,
            Arc::new(backplane.clone()),
            clock.clone(),
            Seed::rng(7),
            "writer",
            PublisherConfig::default(),
        );
        let truth = Arc::new(Truth {
            rows: Mutex::default(),
            loads: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            down: AtomicBool::new(false),
            gate: Gate::default(),
            versions_gate: Gate::default(),
        });
        Self {
            truth,
            shared,
            backplane,
            clock,
            section,
            publisher: tokio::sync::Mutex::new(publisher),
            nodes: Vec::new(),
            position: AtomicU64::new(0),
            incarnation: AtomicU64::new(1),
        }
    }

    pub fn node(&self, seed: u64, config: CacheConfig) -> Node {
        let config = CacheConfig { freshness: Freshness::EndToEnd, ..config };
        let lossy = LossyBackplane::new(Arc::new(self.backplane.clone()));
        // Each machine has a wall clock of its own.
        let clock = TestClock::new();
        let cache = Cache::new(config, Plain, Arc::clone(&self.shared) as _, Seed::rng(seed), clock.clone());
        let follower_config = FollowerConfig {
            refetch: RefetchBudget { per_s: 1_000, jitter: Duration::from_millis(100) },
            ..FollowerConfig::default()
        };
        let follower = Follower::new(
            cache.clone(),
            Arc::new(lossy.clone()),
            self.section.clone(),
            self.truth.clone(),
            follower_config,
        );
        let handle = follower.handle();
        Node { cache, handle, lossy, clock, running: tokio::spawn(follower.run()) }
    }

    pub fn read_at(&self) -> Timestamp {
        self.clock.now()
    }

    fn mark(&self) -> SourceMark {
        let position = self.position.load(Ordering::SeqCst);
        SourceMark { tracker_token: FencingToken(1), tracker_counter: position, feed_position: position.into() }
    }

    pub fn incarnation(&self) -> Incarnation {
        Incarnation(self.incarnation.load(Ordering::SeqCst))
    }

    pub async fn begin_epoch(&self) {
        let mut publisher = self.publisher.lock().await;
        publisher.claim(Fence { incarnation: self.incarnation(), token: FencingToken(1) }).await.unwrap();
        publisher.begin_epoch(self.incarnation(), self.mark(), self.read_at()).await.unwrap();
    }

    /// The source commits; nobody is told.
    pub fn commit(&self, key: &Key, version: u64) {
        let version = Version { incarnation: self.incarnation(), id: VersionId(version) };
        self.truth.rows.lock().unwrap().insert(key.clone(), document_at(key, version));
    }

    pub fn delete(&self, key: &Key, version: u64) {
        self.truth.rows.lock().unwrap().insert(key.clone(), Document::absent(Version::new(1, version)));
    }

    pub fn change(&self, key: &Key, tags: &[Tag]) -> SourceChange {
        let document = self.truth.read(key);
        SourceChange {
            key: key.clone(),
            version: document.version,
            body: document.body,
            tags: tags.to_vec(),
            tags_complete: true,
            changed_at: self.clock.now(),
            pull: false,
            traceparent: None,
            stations: Stations::default(),
        }
    }

    /// The sync publishes what the source holds now.
    pub async fn publish(&self, key: &Key) {
        self.publish_change(self.change(key, &[])).await;
    }

    pub async fn publish_change(&self, change: SourceChange) {
        self.position.fetch_add(1, Ordering::SeqCst);
        self.publisher.lock().await.publish(&change, self.mark()).await.unwrap();
        settle().await;
    }

    /// Commit and publish.
    pub async fn write(&self, key: &Key, version: u64) {
        self.commit(key, version);
        self.publish(key).await;
    }

    /// The beacon: the source is read to its end now.
    pub async fn beat(&self) {
        self.beat_at(self.read_at()).await;
    }

    pub async fn beat_at(&self, read_at: Timestamp) {
        let mut publisher = self.publisher.lock().await;
        publisher.announce(self.incarnation(), self.mark(), read_at).await.unwrap();
        drop(publisher);
        settle().await;
    }

    /// Time passes under regular beacons.
    pub async fn pass(&self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.beat().await;
        }
    }

    /// All tasks do what they can, and one beacon goes out.
    pub async fn settle(&self) {
        settle().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.beat().await;
    }

    /// The database's history was replaced.
    pub async fn restore(&self) {
        self.incarnation.fetch_add(1, Ordering::SeqCst);
        let restored: Vec<Key> = self.truth.rows.lock().unwrap().keys().cloned().collect();
        for key in restored {
            self.commit(&key, 1);
        }
        self.begin_epoch().await;
        settle().await;
    }
}

impl Node {
    pub async fn try_get(&self, group: &Group, key: &Key) -> Result<Answer<Document>, ReadError> {
        self.get_with(group, key, ReadOptions::default()).await
    }

    pub async fn get_with(
        &self,
        group: &Group,
        key: &Key,
        options: ReadOptions,
    ) -> Result<Answer<Document>, ReadError> {
        let answer = self.cache.get_or_load(key, &options, &(group.truth.clone() as _)).await?;
        assert_eq!(answer.view.version, answer.version, "version and value are of one read");
        if let Some(body) = &answer.view.body {
            assert_eq!(
                Some(body),
                document_at(key, answer.version).body.as_ref(),
                "C2: what was committed, byte by byte"
            );
        }
        Ok(answer)
    }

    pub async fn get(&self, group: &Group, key: &Key) -> Answer<Document> {
        self.try_get(group, key).await.expect("an answer")
    }

    /// Level and version of an answer.
    pub async fn at(&self, group: &Group, key: &Key) -> (Level, u64) {
        let answer = self.get(group, key).await;
        (answer.level, answer.version.id.0)
    }

    /// The follower dies, as in a crash of its task; the cache stays.
    pub fn stop(&self) {
        self.running.abort();
    }
}

/// What happens to a node's deliveries: two bits of `fates` each, over and over.
pub fn decide_by(node: &Node, fates: u64) {
    let place = AtomicU64::new(0);
    node.lossy.decide(move |_| match (fates >> (2 * (place.fetch_add(1, Ordering::SeqCst) % 32))) & 3 {
        0 => Fate::Lose,
        1 => Fate::Repeat,
        2 => Fate::Delay,
        _ => Fate::Deliver,
    });
}

/// Lets all tasks run until they wait for time.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
