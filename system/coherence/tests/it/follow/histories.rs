//! Random histories with what `model.rs` has not: holes and new epochs, cuts beyond a short stream, half-broken connections,
//! forgotten versions in L3, restores, clocks that differ.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::backplane::MemoryBackplaneLimits;
use coherence::testing::Fate;
use coherence::*;
use proptest::prelude::*;
use tokio::time::Instant;

use super::group::*;

const NODES: usize = 2;
const KEYS: u64 = 3;
const BOUND: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
enum Op {
    Write {
        of: u64,
        told: bool,
    },
    /// The changes that were not told are lost: a hole, and a new epoch.
    Hole,
    Restore,
    Invalidate {
        node: usize,
        of: u64,
    },
    Bar {
        node: usize,
        of: u64,
    },
    Read {
        node: usize,
        of: u64,
    },
    List {
        node: usize,
    },
    DropLocal {
        node: usize,
        of: u64,
    },
    EvictVersions {
        of: u64,
    },
    DropShared,
    Fates {
        node: usize,
        fates: u64,
    },
    Cut {
        node: usize,
        cut: bool,
    },
    Mute {
        node: usize,
        mute: bool,
    },
    Resync {
        node: usize,
    },
    Step {
        node: usize,
        ahead: bool,
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
        1 => Just(Op::Hole),
        1 => Just(Op::Restore),
        2 => (node.clone(), of.clone()).prop_map(|(node, of)| Op::Invalidate { node, of }),
        1 => (node.clone(), of.clone()).prop_map(|(node, of)| Op::Bar { node, of }),
        8 => (node.clone(), of.clone()).prop_map(|(node, of)| Op::Read { node, of }),
        3 => node.clone().prop_map(|node| Op::List { node }),
        2 => (node.clone(), of.clone()).prop_map(|(node, of)| Op::DropLocal { node, of }),
        2 => of.prop_map(|of| Op::EvictVersions { of }),
        1 => Just(Op::DropShared),
        2 => (node.clone(), any::<u64>()).prop_map(|(node, fates)| Op::Fates { node, fates }),
        2 => (node.clone(), any::<bool>()).prop_map(|(node, cut)| Op::Cut { node, cut }),
        2 => (node.clone(), any::<bool>()).prop_map(|(node, mute)| Op::Mute { node, mute }),
        1 => node.clone().prop_map(|node| Op::Resync { node }),
        1 => (node, any::<bool>()).prop_map(|(node, ahead)| Op::Step { node, ahead }),
        6 => Just(Op::Beat),
        4 => (1..2_500_u64).prop_map(|ms| Op::Pass { ms }),
    ]
}

struct Everything(Arc<Truth>);

#[async_trait]
impl Build<Vec<(u64, Version)>> for Everything {
    async fn build(&self) -> Result<Built<Vec<(u64, Version)>>, LoadError> {
        let view: Vec<_> = (0..KEYS).map(|n| (n, self.0.read(&key(n)).version)).collect();
        let shows = view.iter().map(|(n, version)| (key(*n), *version)).collect();
        Ok(Built { view, weight_bytes: 64, shows, tags: vec![Tag::prefixed("all:", "things")] })
    }
}

struct World {
    group: Group,
    outputs: Vec<OutputCache<Vec<(u64, Version)>>>,
    untold: Vec<u64>,
    versions: BTreeMap<u64, u64>,
    committed: BTreeMap<u64, Vec<(Instant, Version)>>,
    shown: BTreeMap<(usize, u64), Version>,
    stepped: [i64; NODES],
}

impl World {
    fn saw(&mut self, node: usize, of: u64, version: Version, begun: Instant, how: &str) {
        let shown = self.shown.entry((node, of)).or_default();
        assert!(version >= *shown, "C1: node {node} went back on {of} from {shown} to {version} ({how})");
        *shown = version;
        let old = self.committed.get(&of).into_iter().flatten().filter(|(at, _)| *at + BOUND < begun);
        let least = old.map(|(_, version)| *version).max().unwrap_or_default();
        assert!(version >= least, "C3: node {node}: {of} at {version}, and {least} is more than 5 s old ({how})");
    }

    async fn read(&mut self, node: usize, of: u64) {
        let begun = Instant::now();
        let answer = self.group.nodes[node].get(&self.group, &key(of)).await;
        self.saw(node, of, answer.version, begun, answer.level.name());
    }

    async fn list(&mut self, node: usize) {
        let build: Arc<dyn Build<Vec<(u64, Version)>>> = Arc::new(Everything(Arc::clone(&self.group.truth)));
        let begun = Instant::now();
        let answer = self.outputs[node].get_or_build(&key(99), &ReadOptions::default(), &build).await.unwrap();
        for (of, version) in answer.view {
            self.saw(node, of, version, begun, if answer.hit { "a list from memory" } else { "a list" });
        }
    }

    async fn flush(&mut self) {
        for of in std::mem::take(&mut self.untold) {
            let change = self.group.change(&key(of), &[Tag::prefixed("all:", "things")]);
            self.group.publish_change(change).await;
        }
    }

    fn note(&mut self, of: u64) {
        let version = self.group.truth.read(&key(of)).version;
        self.committed.entry(of).or_default().push((Instant::now(), version));
    }

    async fn run(&mut self, op: Op) {
        match op {
            Op::Write { of, told } => {
                let version = self.versions.entry(of).or_default();
                *version += 1;
                self.group.commit(&key(of), *version);
                self.note(of);
                self.untold.push(of);
                if told {
                    self.flush().await;
                }
            }
            Op::Hole => {
                self.untold.clear();
                self.group.begin_epoch().await;
                settle().await;
            }
            Op::Restore => {
                self.untold.clear();
                self.group.restore().await;
                self.versions.values_mut().for_each(|version| *version = 1);
                for of in self.versions.keys().copied().collect::<Vec<_>>() {
                    self.note(of);
                }
            }
            Op::Invalidate { node, of } => {
                let version = self.group.truth.read(&key(of)).version;
                let tags = [Tag::prefixed("all:", "things")];
                self.group.nodes[node].cache.changed(&key(of), version, &tags).await.unwrap();
            }
            Op::Bar { node, of } => self.group.nodes[node].cache.invalidate(&key(of), &[]).await.unwrap(),
            Op::Read { node, of } => self.read(node, of).await,
            Op::List { node } => self.list(node).await,
            Op::DropLocal { node, of } => {
                self.group.nodes[node].cache.drop_l1(&key(of));
                self.group.nodes[node].cache.drop_l2(&key(of));
            }
            Op::EvictVersions { of } => self.group.shared.evict_versions(&key(of)),
            Op::DropShared => self.group.shared.drop_values(),
            Op::Fates { node, fates } => decide_by(&self.group.nodes[node], fates),
            Op::Cut { node, cut } => {
                self.group.nodes[node].lossy.cut(cut);
                settle().await;
            }
            Op::Mute { node, mute } => self.group.nodes[node].lossy.mute(mute),
            Op::Resync { node } => {
                self.group.nodes[node].handle.request_resync();
                settle().await;
            }
            Op::Step { node, ahead } => self.step(node, ahead),
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

    /// Never beyond the bound on clocks.
    fn step(&mut self, node: usize, ahead: bool) {
        let clock = &self.group.nodes[node].clock;
        let (by, stepped) = (Duration::from_millis(900), &mut self.stepped[node]);
        if ahead && *stepped < 1 {
            clock.step(by);
            *stepped += 1;
        } else if !ahead && *stepped > -1 {
            clock.step_back(by);
            *stepped -= 1;
        }
    }

    async fn end(&mut self) {
        for node in &self.group.nodes {
            node.lossy.decide(|_| Fate::Deliver);
            node.lossy.cut(false);
            node.lossy.mute(false);
        }
        self.flush().await;
        self.group.pass(Duration::from_secs(4)).await;
        let head = self.group.backplane.head(&self.group.section).await.unwrap().unwrap();
        for node in 0..NODES {
            let status = self.group.nodes[node].handle.status();
            assert_eq!((status.applied, status.epoch), (head.sequence, Some(head.stream_epoch)), "C5: node {node}");
            assert!(status.trusted, "node {node}: {status:?}");
            for of in 0..KEYS {
                for _ in 0..2 {
                    self.read(node, of).await;
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
        let limits = MemoryBackplaneLimits { stream_messages: 3, ..Default::default() };
        let group = Group::with(NODES, CacheConfig::default(), limits).await;
        let outputs = group.nodes.iter().map(|node| OutputCache::new(&node.cache)).collect();
        let (untold, versions, committed) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let (shown, stepped) = (BTreeMap::new(), [0; NODES]);
        let mut world = World { group, outputs, untold, versions, committed, shown, stepped };
        for op in ops {
            world.run(op).await;
        }
        world.end().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(400), max_shrink_iters: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn holes_cuts_and_restores_change_nothing_for_clients(ops in prop::collection::vec(op(), 1..120)) {
        play(ops);
    }
}
