//! The search: passes over a plan until none changes it, or the runs are used up.

use std::collections::BTreeSet;

use super::ddmin::ddmin;
use super::simpler::{simpler, smaller};
use crate::fault::{Fault, Plan};

/// No fault is made shorter than that.
const DURATION_MIN_MS: u64 = 50;
/// No storm is made shorter than that.
const STORM_MIN_MS: u64 = 1_000;

/// Judges candidates.
pub trait Judge {
    /// The place of the first candidate that fails as the first plan did. Later ones need not be looked at.
    fn first_failing(&mut self, candidates: &[Plan]) -> Option<usize>;
}

/// What the search came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    /// The smallest plan found.
    pub plan: Plan,
    /// Candidates that were judged, as one after the other would have been.
    pub runs: usize,
    /// Whether nothing is left to try; else the runs were used up.
    pub complete: bool,
}

/// Makes `plan`, which fails, smaller while it still does, with at most `max_runs` candidates.
pub fn shrink(plan: &Plan, max_runs: usize, judge: &mut impl Judge) -> Shrunk {
    let mut search = Search { plan: plan.clone(), judge, left: max_runs, runs: 0, passed: BTreeSet::new() };
    loop {
        let before = search.plan.clone();
        search.fewer_faults();
        search.each_fault(shorter);
        search.each_fault(|fault, plan| {
            let kinds = simpler(&fault.kind, plan.tuning.instances);
            kinds.into_iter().map(|kind| Fault { kind, ..fault.clone() }).collect()
        });
        search.until_none(shorter_storm);
        search.until_none(nothing_behind);
        if search.plan == before || search.left == 0 {
            break;
        }
    }
    Shrunk { complete: search.left > 0, runs: search.runs, plan: search.plan }
}

struct Search<'j, J> {
    /// The smallest so far.
    plan: Plan,
    judge: &'j mut J,
    left: usize,
    runs: usize,
    /// The candidates that did not fail, as JSON.
    passed: BTreeSet<String>,
}

impl<J: Judge> Search<'_, J> {
    /// The place of the first candidate that fails. What was judged before is not judged again.
    fn first(&mut self, candidates: &[Plan]) -> Option<usize> {
        // A plan of plain values always serialises.
        let texts: Vec<String> =
            candidates.iter().map(|plan| serde_json::to_string(plan).unwrap_or_default()).collect();
        let new = (0..candidates.len()).filter(|place| !self.passed.contains(&texts[*place]));
        let places: Vec<usize> = new.take(self.left).collect();
        if places.is_empty() {
            return None;
        }
        let judged: Vec<Plan> = places.iter().map(|place| candidates[*place].clone()).collect();
        let failing = self.judge.first_failing(&judged);
        // Counted as if they had run one after the other: the number must not depend on how many ran at a time.
        let looked_at = failing.map_or(judged.len(), |place| place + 1);
        self.left = self.left.saturating_sub(looked_at);
        self.runs += looked_at;
        let passed = places.iter().take(failing.unwrap_or(judged.len()));
        self.passed.extend(passed.map(|place| texts[*place].clone()));
        failing.and_then(|place| places.get(place).copied())
    }

    fn fewer_faults(&mut self) {
        let plan = self.plan.clone();
        let kept = ddmin(&plan.faults, |lists| {
            let candidates: Vec<Plan> =
                lists.iter().map(|faults| Plan { faults: faults.clone(), ..plan.clone() }).collect();
            self.first(&candidates)
        });
        self.plan.faults = kept;
    }

    /// Puts simpler faults in the place of each.
    fn each_fault(&mut self, simpler: impl Fn(&Fault, &Plan) -> Vec<Fault>) {
        for place in 0..self.plan.faults.len() {
            self.until_none(|plan| {
                let with = |fault: Fault| {
                    let mut plan = plan.clone();
                    plan.faults[place] = fault;
                    plan
                };
                simpler(&plan.faults[place], plan).into_iter().map(with).collect()
            });
        }
    }

    fn until_none(&mut self, candidates: impl Fn(&Plan) -> Vec<Plan>) {
        loop {
            let mut candidates = candidates(&self.plan);
            match self.first(&candidates) {
                Some(place) => self.plan = candidates.swap_remove(place),
                None => return,
            }
        }
    }
}

fn shorter(fault: &Fault, _: &Plan) -> Vec<Fault> {
    let durations = smaller(fault.duration_ms).filter(|duration_ms| *duration_ms >= DURATION_MIN_MS);
    durations.map(|duration_ms| Fault { duration_ms, ..fault.clone() }).collect()
}

fn shorter_storm(plan: &Plan) -> Vec<Plan> {
    let storms = [2, 4, 6, 7].into_iter().map(|eighths| plan.storm_ms * eighths / 8);
    let storms = storms.filter(|storm_ms| *storm_ms >= STORM_MIN_MS);
    storms.map(|storm_ms| Plan { storm_ms, ..plan.clone() }).collect()
}

fn nothing_behind(plan: &Plan) -> Vec<Plan> {
    if plan.behind_every_ms == 0 { Vec::new() } else { vec![Plan { behind_every_ms: 0, ..plan.clone() }] }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64_with_seed;

    use super::*;
    use crate::fault::{Kind, draw};

    /// Judges by a predicate, `jobs` at a time, and counts what it was asked.
    struct By<F> {
        fails: F,
        jobs: usize,
        judged: usize,
    }

    impl<F: Fn(&Plan) -> bool> Judge for By<F> {
        fn first_failing(&mut self, candidates: &[Plan]) -> Option<usize> {
            for (number, batch) in candidates.chunks(self.jobs).enumerate() {
                let failing: Vec<bool> = batch.iter().map(&self.fails).collect();
                self.judged += batch.len();
                if let Some(place) = failing.iter().position(|fails| *fails) {
                    return Some(number * self.jobs + place);
                }
            }
            None
        }
    }

    fn by(fails: impl Fn(&Plan) -> bool, jobs: usize) -> By<impl Fn(&Plan) -> bool> {
        By { fails, jobs, judged: 0 }
    }

    fn is_partition(fault: &Fault) -> bool {
        matches!(fault.kind, Kind::Partition { .. }) && fault.duration_ms >= 400
    }

    fn with_isolation() -> Plan {
        let mut plan = draw(7);
        let kind = Kind::Isolate { host: "i1".to_owned() };
        plan.faults.insert(0, Fault { start_ms: 0, duration_ms: 3_000, kind });
        plan.behind_every_ms = 500;
        plan
    }

    #[test]
    fn one_long_isolation_becomes_one_short_partition() {
        let fails = |plan: &Plan| {
            let isolates = |fault: &Fault| matches!(fault.kind, Kind::Isolate { .. }) && fault.duration_ms >= 400;
            plan.faults.iter().any(|fault| isolates(fault) || is_partition(fault)) && plan.storm_ms >= 1_500
        };
        let shrunk = shrink(&with_isolation(), 300, &mut by(fails, 1));
        let [fault] = &shrunk.plan.faults[..] else { panic!("{shrunk:?}") };
        assert!(is_partition(fault) && fault.duration_ms < 800, "{fault:?}");
        assert!(shrunk.complete && shrunk.plan.storm_ms < 2_000 && shrunk.plan.behind_every_ms == 0, "{shrunk:?}");
    }

    #[test]
    fn without_runs_nothing_changes() {
        let plan = draw(7);
        let shrunk = shrink(&plan, 0, &mut by(|_| true, 1));
        assert_eq!(shrunk, Shrunk { plan, runs: 0, complete: false });
    }

    /// As far from monotonic as it gets: a hash of the plan decides.
    fn hashed(plan: &Plan, salt: u64, one_in: u64) -> bool {
        xxh3_64_with_seed(&serde_json::to_vec(plan).unwrap(), salt).is_multiple_of(one_in)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_result_fails_is_minimal_and_never_larger(seed in 0_u64..500, salt: u64, one_in in 2_u64..6) {
            let first = draw(seed);
            let fails = |plan: &Plan| *plan == first || hashed(plan, salt, one_in);
            let shrunk = shrink(&first, 100_000, &mut by(fails, 1));
            let plan = &shrunk.plan;
            prop_assert!(fails(plan) && shrunk.complete);
            for spared in 0..plan.faults.len() {
                let mut fewer = plan.clone();
                fewer.faults.remove(spared);
                prop_assert!(!fails(&fewer));
            }
            let sum = |plan: &Plan| plan.faults.iter().map(|fault| fault.duration_ms).sum::<u64>();
            prop_assert!(plan.faults.len() <= first.faults.len() && sum(plan) <= sum(&first));
            prop_assert!(plan.storm_ms <= first.storm_ms && plan.behind_every_ms <= first.behind_every_ms);
            prop_assert_eq!((plan.seed, &plan.tuning), (first.seed, &first.tuning));
        }

        #[test]
        fn the_result_does_not_depend_on_the_jobs_and_the_runs_are_bounded(
            seed in 0_u64..500, salt: u64, max_runs in 0_usize..80, jobs in 2_usize..6
        ) {
            let first = draw(seed);
            let fails = |plan: &Plan| *plan == first || hashed(plan, salt, 4);
            let (mut alone, mut many) = (by(fails, 1), by(fails, jobs));
            let shrunk = shrink(&first, max_runs, &mut alone);
            prop_assert_eq!(&shrunk, &shrink(&first, max_runs, &mut many));
            prop_assert!(shrunk.runs <= max_runs && alone.judged == shrunk.runs);
            prop_assert!(fails(&shrunk.plan));
        }
    }
}
