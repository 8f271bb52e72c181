//! A model: random operations against a reference map that knows what may be answered.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use coherence::*;
use proptest::prelude::*;

use super::support::*;

#[derive(Debug, Clone)]
enum Step {
    Get(u64),
    /// A read stands at the source while the inner steps run.
    GetAcross(u64, Vec<Step>),
    Write(u64),
    Delete(u64),
    /// The source commits, nobody is told.
    WriteSilently(u64),
    Invalidate(u64),
    DropL1(u64),
    DropL2(u64),
    EvictVersions(u64),
    Clear,
    NewGeneration,
    SharedDown(bool),
    Advance(u64),
}

fn simple() -> impl Strategy<Value = Step> {
    let key = 0u64..3;
    prop_oneof![
        6 => key.clone().prop_map(Step::Get),
        4 => key.clone().prop_map(Step::Write),
        2 => key.clone().prop_map(Step::Delete),
        2 => key.clone().prop_map(Step::WriteSilently),
        1 => key.clone().prop_map(Step::Invalidate),
        2 => key.clone().prop_map(Step::DropL1),
        2 => key.clone().prop_map(Step::DropL2),
        1 => key.prop_map(Step::EvictVersions),
        1 => Just(Step::Clear),
        1 => Just(Step::NewGeneration),
        1 => any::<bool>().prop_map(Step::SharedDown),
        2 => (1u64..400).prop_map(Step::Advance),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => simple(),
        1 => (0u64..3, prop::collection::vec(simple(), 0..4)).prop_map(|(key, steps)| Step::GetAcross(key, steps)),
    ]
}

/// What may be answered for a key: not below what was told or shown, not above what was committed.
#[derive(Default)]
struct Reference {
    committed: BTreeMap<u64, u64>,
    known: BTreeMap<u64, u64>,
}

struct Run {
    world: World,
    reference: Reference,
}

impl Run {
    async fn step(&mut self, step: &Step) {
        match step {
            Step::Get(n) => self.get(*n).await,
            Step::GetAcross(n, steps) => self.get_across(*n, steps).await,
            Step::Write(n) | Step::Delete(n) | Step::WriteSilently(n) => self.write(*n, step).await,
            Step::Invalidate(n) => {
                let _ = self.world.cache.invalidate(&key(*n), &[]).await;
            }
            Step::DropL1(n) => self.world.cache.drop_l1(&key(*n)),
            Step::DropL2(n) => self.world.cache.drop_l2(&key(*n)),
            Step::EvictVersions(n) => self.world.shared.inner.evict_versions(&key(*n)),
            Step::Clear => {
                self.world.cache.clear();
            }
            Step::NewGeneration => {
                self.world.cache.begin_generation();
            }
            Step::SharedDown(down) => self.world.shared.down.store(*down, Ordering::SeqCst),
            Step::Advance(ms) => tokio::time::advance(Duration::from_millis(*ms)).await,
        }
    }

    async fn get(&mut self, n: u64) {
        let answer = self.world.get(&key(n)).await;
        self.check(n, &answer, self.reference.known.get(&n).copied().unwrap_or(0));
    }

    async fn get_across(&mut self, n: u64, steps: &[Step]) {
        let least = self.reference.known.get(&n).copied().unwrap_or(0);
        self.world.source.gate.shut();
        let world = self.world.clone();
        let reader = tokio::spawn(async move { world.get(&key(n)).await });
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        for step in steps {
            // A read in between would wait at the same gate.
            if !matches!(step, Step::Get(_)) {
                Box::pin(self.step(step)).await;
            }
        }
        self.world.source.gate.release();
        let answer = reader.await.unwrap();
        self.check(n, &answer, least);
    }

    async fn write(&mut self, n: u64, step: &Step) {
        let committed = self.reference.committed.entry(n).or_default();
        *committed += 1;
        match step {
            Step::Delete(_) => self.world.source.delete(&key(n), *committed),
            _ => self.world.source.put(&key(n), *committed),
        }
        if !matches!(step, Step::WriteSilently(_)) {
            self.world.told(&key(n), *committed).await;
            self.reference.known.insert(n, *committed);
        }
    }

    fn check(&mut self, n: u64, answer: &Answer<Document>, least: u64) {
        let version = answer.version.id.0;
        let committed = self.reference.committed.get(&n).copied().unwrap_or(0);
        assert!(version >= least, "C1/C4: {version} from {:?}, although {least} was known", answer.level);
        assert!(version <= committed, "C2: {version} from {:?}, only {committed} was committed", answer.level);
        let known = self.reference.known.entry(n).or_default();
        *known = version.max(*known);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_is_below_what_is_known_or_above_what_was_committed(
        steps in prop::collection::vec(step(), 1..60),
        floors_max in 1usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let config = CacheConfig { floors_max, maintenance: Maintenance::EachOperation, ..CacheConfig::default() };
            let mut run = Run { world: World::with(config), reference: Reference::default() };
            for step in &steps {
                run.step(step).await;
            }
        });
    }
}
