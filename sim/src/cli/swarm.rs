//! `sim swarm`: many seeds, each in a process of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::child::Child;
use super::commands::{about_seed, command, planted_bug};
use super::{meta, report};
use crate::check::REQUIRED;
use crate::run::{Outcome, Verdict};
use crate::shrink::Failure;

/// What to run.
pub(super) struct Swarm {
    pub(super) count: u64,
    pub(super) from: u64,
    pub(super) jobs: usize,
    pub(super) minutes: Option<u64>,
    pub(super) report: PathBuf,
    /// A mark that no seed hit fails the batch, however small.
    pub(super) strict: bool,
    /// It does not, however large.
    pub(super) lenient: bool,
}

/// A batch of so many seeds must have hit every mark.
const STRICT_FROM: u64 = 200;

#[derive(Serialize)]
struct FailedSeed {
    seed: u64,
    verdict: Verdict,
    replay: String,
    shrink: String,
}

/// The summary, as `reports/` keeps it.
#[derive(Serialize)]
struct Report {
    /// How the run with a forged answer failed, as it must.
    canary: String,
    /// How much two runs of the first seed said, to the byte the same.
    meta: String,
    seeds: u64,
    first_seed: u64,
    passed: u64,
    failures: Vec<FailedSeed>,
    simulated_s: f64,
    wall_s: f64,
    simulated_s_per_wall_s: f64,
    requests: u64,
    commits: u64,
    faults: u64,
    /// Of the largest process, in MiB.
    peak_mib: f64,
    /// Of the largest ones, as many as ran at the same time: the batch took no more.
    batch_peak_mib: f64,
    marks: BTreeMap<String, u64>,
    marks_missed: Vec<&'static str>,
    /// Whether a missed mark fails the batch.
    strict: bool,
    /// The longest time from the end of all faults until nothing was pending any more, its seed, and what that seed was
    /// allowed (C7).
    converged_ms_max: Option<u64>,
    converged_ms_max_seed: Option<u64>,
    converged_ms_max_allowed: Option<u64>,
    converged_ms_median: Option<u64>,
}

pub(super) fn run(swarm: &Swarm) -> Result<bool, String> {
    let began = Instant::now();
    if swarm.count == 0 {
        return Err("no seeds: nothing would be shown".to_owned());
    }
    let meta = meta::compared(swarm.from)?;
    let canary = canary(swarm.from)?;
    let until = swarm.minutes.map(|minutes| began + Duration::from_secs(60 * minutes));
    let next = AtomicU64::new(swarm.from);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..swarm.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= swarm.from + swarm.count || until.is_some_and(|until| Instant::now() >= until) {
                        return;
                    }
                    let outcome = Child::like_this().run(seed, &[]);
                    let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                    tell(&outcome, outcomes.len() as u64 + 1, swarm.count);
                    outcomes.push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|outcome| outcome.seed);
    let report = summary(swarm, (canary, meta), &outcomes, began.elapsed().as_secs_f64());
    report::write(&swarm.report, &report)?;
    println!(
        "{} of {} seeds passed; {:.0} s simulated in {:.0} s ({:.0} per second); {:.0} MiB at most; converged in {} ms at \
         most; marks missed: {}; {}",
        report.passed,
        report.seeds,
        report.simulated_s,
        report.wall_s,
        report.simulated_s_per_wall_s,
        report.batch_peak_mib,
        report.converged_ms_max.unwrap_or_default(),
        if report.marks_missed.is_empty() { "none".to_owned() } else { report.marks_missed.join(", ") },
        swarm.report.display()
    );
    // Of a batch without a seed nothing is known.
    Ok(report.seeds > 0 && report.failures.is_empty() && (!report.strict || report.marks_missed.is_empty()))
}

/// Before the seeds: a run without faults passes, and the same with a forged answer does not. Answers how that one failed.
fn canary(seed: u64) -> Result<String, String> {
    let child = Child::like_this();
    // A planted bug may well fail where nothing breaks.
    if planted_bug().is_none() && !child.run(seed, &["--fair"]).passed() {
        return Err(format!("without faults it fails: cargo sim run --fair --seed {seed}"));
    }
    match Failure::of(&child.run(seed, &["--fair", "--canary"]).verdict) {
        Some(failure) => Ok(failure.to_string()),
        None => Err("the canary was not noticed: the checks check nothing".to_owned()),
    }
}

/// One line per failure, and one in twenty-five seeds that says how far it is.
fn tell(outcome: &Outcome, done: u64, count: u64) {
    match &outcome.verdict {
        Verdict::Passed => {}
        Verdict::Violated(violation) => {
            println!("seed {}: {violation}  [{}]", outcome.seed, about_seed(outcome.seed));
        }
        Verdict::Died(why) => {
            let why = why.replace('\n', " | ");
            println!("seed {}: died: {why}  [{}]", outcome.seed, about_seed(outcome.seed));
        }
    }
    if done.is_multiple_of(25) {
        println!("{done} of {count}");
    }
}

fn summary(swarm: &Swarm, (canary, meta): (String, String), outcomes: &[Outcome], wall_s: f64) -> Report {
    let mut marks: BTreeMap<String, u64> = BTreeMap::new();
    for outcome in outcomes {
        for (name, count) in &outcome.marks {
            *marks.entry(name.clone()).or_default() += count;
        }
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed());
    let failures: Vec<FailedSeed> = failed
        .map(|outcome| FailedSeed {
            seed: outcome.seed,
            verdict: outcome.verdict.clone(),
            replay: command(&format!("run --seed {}", outcome.seed)),
            shrink: command(&format!("shrink --seed {}", outcome.seed)),
        })
        .collect();
    let simulated_s = outcomes.iter().map(|outcome| outcome.simulated_ms as f64 / 1_000.0).sum();
    let mut peaks: Vec<u64> = outcomes.iter().map(|outcome| outcome.peak_kib).collect();
    peaks.sort_unstable_by(|one, other| other.cmp(one));
    let mib = |count: usize| peaks.iter().take(count).sum::<u64>() as f64 / 1_024.0;
    let mut converged: Vec<(u64, &Outcome)> =
        outcomes.iter().filter_map(|outcome| Some((outcome.converged_ms?, outcome))).collect();
    converged.sort_by_key(|(ms, outcome)| (*ms, outcome.seed));
    let (slowest, median) = (converged.last(), converged.get(converged.len() / 2));
    Report {
        canary,
        meta,
        strict: swarm.strict || (!swarm.lenient && outcomes.len() as u64 >= STRICT_FROM),
        converged_ms_max: slowest.map(|(ms, _)| *ms),
        converged_ms_max_seed: slowest.map(|(_, outcome)| outcome.seed),
        converged_ms_max_allowed: slowest.and_then(|(_, outcome)| outcome.converge_max_ms),
        converged_ms_median: median.map(|(ms, _)| *ms),
        peak_mib: mib(1),
        batch_peak_mib: mib(swarm.jobs.max(1)),
        seeds: outcomes.len() as u64,
        first_seed: swarm.from,
        passed: outcomes.len() as u64 - failures.len() as u64,
        failures,
        simulated_s,
        wall_s,
        simulated_s_per_wall_s: simulated_s / wall_s,
        requests: outcomes.iter().map(|outcome| outcome.requests).sum(),
        commits: outcomes.iter().map(|outcome| outcome.commits).sum(),
        faults: outcomes.iter().map(|outcome| outcome.faults).sum(),
        marks_missed: REQUIRED.into_iter().filter(|mark| !marks.contains_key(*mark)).collect(),
        marks,
    }
}
