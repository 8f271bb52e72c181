//! A model: random writes, reads, evictions, losses, repetitions, reorderings and restarts against a reference map.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coherence::follower::{Follower, FollowerConfig};
use coherence::testing::Fate;
use coherence::*;
use proptest::prelude::*;
use tokio::time::Instant;

use super::group::*;

const KEYS: u64 = 4;
const NODES: usize = 2;
/// C3: the bound on an unmarked answer.
const BOUND: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
enum Op {
    /// Commits the next version; the stream hears of it at once, or at the next flush.
    Write {
        of: u64,
        told: bool,
    },
    Delete {
        of: u64,
    },
    /// The other road brings the latest version to one node.
    Invalidate {
        node: usize,
        of: u64,
    },
    Read {
        node: usize,
        of: u64,
    },
    /// With the latest version as the minimum.
    ReadAtLeast {
        node: usize,
        of: u64,
    },
    List {
        node: usize,
    },
    EvictTag {
        node: usize,
    },
    DropLocal {
        node: usize,
        of: u64,
    },
    DropShared,
    /// What happens to the following deliveries, cyclically.
    Fates {
        node: usize,
        fates: u64,
    },
    Restart {
        node: usize,
    },
    Beat,
    Pass {
        ms: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let (node, of) = (0..NODES, 0..KEYS);
    prop_oneof![
        6 => (of.clone(), any::<bool>()).prop_map(|(of, told)| Op::Write { of, told }),
        1 => of.clone().prop_map(|of| Op::Delete { of }),
        3 => (node.clone(), of.clone()).prop_map(|(node, of)| Op::Invalidate { node, of }),
        8 => (node.clone(), of.clone()).prop_map(|(node, of)| Op::Read { node, of }),
        2 => (node.clone(), of.clone()).prop_map(|(node, of)| Op::ReadAtLeast { node, of }),
        4 => node.clone().prop_map(|node| Op::List { node }),
        1 => node.clone().prop_map(|node| Op::EvictTag { node }),
        2 => (node.clone(), of).prop_map(|(node, of)| Op::DropLocal { node, of }),
        1 => Just(Op::DropShared),
        3 => (node.clone(), any::<u64>()).prop_map(|(node, fates)| Op::Fates { node, fates }),
        1 => node.prop_map(|node| Op::Restart { node }),
        5 => Just(Op::Beat),
        3 => (1..2_500_u64).prop_map(|ms| Op::Pass { ms }),
    ]
}

/// A list that shows everything, with the number of commits before it was built.
struct Everything {
    truth: Arc<Truth>,
    commits: Arc<AtomicU64>,
}

#[async_trait]
impl Build<u64> for Everything {
    async fn build(&self) -> Result<Built<u64>, LoadError> {
        let view = self.commits.load(Ordering::SeqCst);
        let shows = (0..KEYS).map(|n| (key(n), self.truth.read(&key(n)).version)).collect();
        Ok(Built { view, weight_bytes: 64, shows, tags: vec![everything()] })
    }
}

fn everything() -> Tag {
    Tag::prefixed("all:", "things")
}

struct World {
    group: Group,
    outputs: Vec<OutputCache<u64>>,
    commits: Arc<AtomicU64>,
    untold: Vec<u64>,
    versions: BTreeMap<u64, u64>,
    /// When each version was committed.
    committed: BTreeMap<u64, Vec<(Instant, u64)>>,
    /// The highest version that a node showed.
    shown: BTreeMap<(usize, u64), Version>,
    /// The number of commits when a node's list was last evicted.
    evicted: BTreeMap<usize, u64>,
}

impl World {
    async fn new() -> Self {
        let group = Group::new(NODES).await;
        let outputs = group.nodes.iter().map(|node| OutputCache::new(&node.cache)).collect();
        Self {
            group,
            outputs,
            commits: Arc::default(),
            untold: Vec::new(),
            versions: BTreeMap::new(),
            committed: BTreeMap::new(),
            shown: BTreeMap::new(),
            evicted: BTreeMap::new(),
        }
    }

    fn commit(&mut self, of: u64, delete: bool) {
        let version = self.versions.entry(of).or_default();
        *version += 1;
        match delete {
            true => self.group.delete(&key(of), *version),
            false => self.group.commit(&key(of), *version),
        }
        self.committed.entry(of).or_default().push((Instant::now(), *version));
        self.commits.fetch_add(1, Ordering::SeqCst);
    }

    async fn tell(&self, of: u64) {
        self.group.publish_change(self.group.change(&key(of), &[everything()])).await;
    }

    async fn flush(&mut self) {
        for of in std::mem::take(&mut self.untold) {
            self.tell(of).await;
        }
    }

    async fn read(&mut self, node: usize, of: u64, least: Option<Version>) {
        let options = ReadOptions { min_version: least, ..ReadOptions::default() };
        let begun = Instant::now();
        let answer = self.group.nodes[node].get_with(&self.group, &key(of), options).await.expect("the source is up");
        let version = answer.version;
        let shown = self.shown.entry((node, of)).or_default();
        assert!(version >= *shown, "C1: node {node} went back on {of} from {shown} to {version}");
        *shown = version;
        assert!(least.is_none_or(|least| version >= least || answer.absent), "C4: {version}, wanted {least:?}");
        let latest = self.versions.get(&of).copied().unwrap_or_default();
        assert!(version.id.0 <= latest, "C2: {of} at {version}, and {latest} is committed");
        assert_eq!(
            answer.absent,
            self.group.truth.read(&key(of)).is_absent() && version.id.0 == latest || answer.absent
        );
        self.bounded(of, version.id.0, begun);
    }

    /// C3: what was committed more than 5 s before the request is shown.
    fn bounded(&self, of: u64, version: u64, begun: Instant) {
        let old = self.committed.get(&of).into_iter().flatten().filter(|(at, _)| *at + BOUND < begun);
        let least = old.map(|(_, version)| *version).max().unwrap_or_default();
        assert!(version >= least, "C3: {of} at {version}, and {least} was committed more than 5 s ago");
    }

    async fn list(&mut self, node: usize) {
        let build = Everything { truth: Arc::clone(&self.group.truth), commits: Arc::clone(&self.commits) };
        let build: Arc<dyn Build<u64>> = Arc::new(build);
        let begun = Instant::now();
        let answer = self.outputs[node].get_or_build(&key(99), &ReadOptions::default(), &build).await.unwrap();
        let least = self.evicted.get(&node).copied().unwrap_or_default();
        assert!(answer.view >= least, "C6: a list of {} commits after an eviction at {least}", answer.view);
        let old = self.committed.values().flatten().filter(|(at, _)| *at + BOUND < begun).count() as u64;
        assert!(answer.view >= old, "C3: a list of {} commits, and {old} are more than 5 s old", answer.view);
        // What a list shows, no tier goes below (C1).
        for of in 0..KEYS {
            let of_commits = self.committed.get(&of).map_or(0, |all| all.len() as u64);
            if answer.view == self.commits.load(Ordering::SeqCst) && of_commits > 0 {
                let version = self.group.truth.read(&key(of)).version;
                let shown = self.shown.entry((node, of)).or_default();
                *shown = version.max(*shown);
            }
        }
    }

    async fn run(&mut self, op: Op) {
        match op {
            Op::Write { of, told } => {
                self.commit(of, false);
                self.untold.push(of);
                if told {
                    self.flush().await;
                }
            }
            Op::Delete { of } => {
                if !self.group.truth.read(&key(of)).is_absent() {
                    self.commit(of, true);
                    self.untold.push(of);
                }
            }
            Op::Invalidate { node, of } => {
                let version = self.group.truth.read(&key(of)).version;
                let cache = &self.group.nodes[node].cache;
                cache.changed(&key(of), version, &[everything()]).await.unwrap();
                self.evicted.insert(node, self.commits.load(Ordering::SeqCst));
            }
            Op::Read { node, of } => self.read(node, of, None).await,
            Op::ReadAtLeast { node, of } => {
                let least = self.group.truth.read(&key(of)).version;
                self.read(node, of, Some(least)).await;
            }
            Op::List { node } => self.list(node).await,
            Op::EvictTag { node } => {
                self.group.nodes[node].cache.evict_tag(&everything());
                self.evicted.insert(node, self.commits.load(Ordering::SeqCst));
            }
            Op::DropLocal { node, of } => {
                self.group.nodes[node].cache.drop_l1(&key(of));
                self.group.nodes[node].cache.drop_l2(&key(of));
            }
            Op::DropShared => self.group.shared.drop_values(),
            Op::Fates { node, fates } => decide_by(&self.group.nodes[node], fates),
            Op::Restart { node } => self.restart(node),
            Op::Beat => {
                self.flush().await;
                self.group.beat().await;
            }
            Op::Pass { ms } => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                settle().await;
            }
        }
    }

    fn restart(&mut self, node: usize) {
        let group = &mut self.group;
        let node = &mut group.nodes[node];
        node.stop();
        let follower = Follower::new(
            node.cache.clone(),
            Arc::new(node.lossy.clone()),
            group.section.clone(),
            group.truth.clone(),
            FollowerConfig::default(),
        );
        node.handle = follower.handle();
        node.running = tokio::spawn(follower.run());
    }

    /// Faults end: every loss is noticed (C5), and all tiers of all nodes answer what the source holds (C7).
    async fn end(&mut self) {
        for node in &self.group.nodes {
            node.lossy.decide(|_| Fate::Deliver);
        }
        self.flush().await;
        self.group.pass(Duration::from_secs(2)).await;
        let head = self.group.backplane.head(&self.group.section).await.unwrap().unwrap();
        for node in 0..NODES {
            let status = self.group.nodes[node].handle.status();
            assert_eq!(status.applied, head.sequence, "C5: node {node} is where the stream is");
            assert!(status.trusted, "node {node}: {status:?}");
            for of in 0..KEYS {
                for _ in 0..2 {
                    self.read(node, of, None).await;
                    let shown = self.shown.get(&(node, of)).copied();
                    assert_eq!(shown, Some(self.group.truth.read(&key(of)).version), "C7: node {node}, {of}");
                }
            }
            self.list(node).await;
        }
    }
}

fn play(ops: Vec<Op>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new().await;
        for op in ops {
            world.run(op).await;
        }
        world.end().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(400), max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_goes_back_and_everybody_arrives(ops in prop::collection::vec(op(), 1..120)) {
        play(ops);
    }
}
