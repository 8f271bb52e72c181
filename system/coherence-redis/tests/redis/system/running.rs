//! The whole of it.

use std::sync::Arc;
use std::time::Duration;

use coherence::testing::Seed;
use coherence_redis::{Redis, RedisConfig};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::node::Node;
use super::source::{KEYS, Source, key};
use super::sync;

/// How long after a fault everything may take to be as it was (C7), with room for a machine that is busy.
const RECOVERY_MAX: Duration = Duration::from_secs(8);

/// A source that is written to, a sync, and nodes that read.
pub(crate) struct Running {
    pub(crate) source: Arc<Source>,
    pub(crate) nodes: Vec<Node>,
    /// Where a node finds Redis that starts after the fault.
    url_later: String,
    sync: JoinHandle<()>,
    writer: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sync.abort();
        self.writer.abort();
    }
}

fn redis(url: &str) -> Redis {
    Redis::open(url, RedisConfig::default()).unwrap()
}

impl Running {
    /// Starts a sync and two nodes, each with connections of its own; nothing reads or writes yet.
    pub(crate) fn start(url: &str, url_later: &str) -> Self {
        let source = Source::new();
        let nodes = ["one", "two"].iter().zip(1..).map(|(name, n)| Node::start(name, n * 7_919, &redis(url), &source));
        let nodes = nodes.collect();
        let sync = tokio::spawn(sync::run(Arc::clone(&source), sync::publisher(&redis(url), "sync", 99)));
        Self { source, nodes, url_later: url_later.to_owned(), sync, writer: tokio::spawn(std::future::ready(())) }
    }

    /// Readers and a writer at work.
    pub(crate) fn load(&mut self) {
        for (node, seed) in self.nodes.iter_mut().zip(1..) {
            node.read(seed);
        }
        let (source, rng) = (Arc::clone(&self.source), Seed::rng(5));
        self.writer = tokio::spawn(async move {
            loop {
                source.commit(&key(rng.next_u64() % KEYS));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }

    /// Waits until every node trusts its tiers. Answers how long that took.
    pub(crate) async fn wait_until_trusted(&self) -> Duration {
        let begun = Instant::now();
        while !self.nodes.iter().all(|node| node.cache.is_trusted()) {
            assert!(begun.elapsed() < RECOVERY_MAX, "no trust within {RECOVERY_MAX:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    }

    /// Runs on for a while.
    pub(crate) async fn go_on(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Stops the writer; waits until every node, and one that is new, shows what the source holds; reads the verdicts.
    pub(crate) async fn judge(mut self, what: &str) {
        self.writer.abort();
        let begun = Instant::now();
        self.nodes.push(Node::start("late", 104_729, &redis(&self.url_later), &self.source));
        self.wait_until_trusted().await;
        for node in &self.nodes {
            loop {
                let shown = node.shows().await;
                let behind: Vec<_> =
                    shown.iter().filter(|(key, version)| **version != self.source.latest(key)).collect();
                if behind.is_empty() {
                    break;
                }
                assert!(begun.elapsed() < RECOVERY_MAX, "{what}: {} does not converge: {behind:?}", node.name);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let converged = begun.elapsed();
        for node in &self.nodes[..2] {
            let verdicts = node.verdicts.lock().unwrap();
            let stats = node.cache.stats();
            println!(
                "{what}: {}: {} reads {:?}, slowest {:?}; {} commits, {} applied, {} subscriptions, {} suspicions, {} gaps, \
                 {} replays, {} resyncs; converged in {converged:?}",
                node.name,
                verdicts.reads,
                verdicts.by_level,
                verdicts.slowest,
                self.source.commits(),
                stats.changes_applied,
                stats.subscriptions,
                stats.suspicions,
                stats.gaps,
                stats.replays,
                stats.resyncs,
            );
            assert!(verdicts.broken.is_empty(), "{what}: {:?}", &verdicts.broken[..verdicts.broken.len().min(5)]);
            assert!(verdicts.reads > 100, "{what}: {} reads", verdicts.reads);
        }
    }
}
