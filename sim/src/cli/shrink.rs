//! `sim shrink`: a smaller plan that fails in the same way, and its story.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::commands::command;
use super::child::Child;
use super::{one, story};
use crate::fault::Plan;
use crate::run::Outcome;
use crate::shrink::{Failure, Judge, shrink};

/// What to do.
pub(super) struct Shrink {
    pub(super) plan: Plan,
    pub(super) jobs: usize,
    pub(super) max_runs: usize,
    pub(super) out: PathBuf,
}

pub(super) fn run(wish: &Shrink) -> Result<bool, String> {
    let seed = wish.plan.seed;
    let child = Child::like_this();
    let outcome = child.replay(&wish.plan, &[]);
    let Some(failure) = Failure::of(&outcome.verdict) else {
        println!("seed {seed} passes: there is nothing to shrink");
        return Ok(true);
    };
    println!("seed {seed}: {failure}; {} faults", wish.plan.faults.len());
    let mut judge = Children::new(&child, &failure, wish.jobs, wish.max_runs);
    let shrunk = shrink(&wish.plan, wish.max_runs, &mut judge);
    let folder = wish.out.join(format!("{}-{seed}", failure.slug()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    write_plan(&folder.join("plan.json"), &wish.plan)?;
    write_plan(&folder.join("shrunk.json"), &shrunk.plan)?;
    let last = child.replay(&shrunk.plan, &["--draw", &folder.to_string_lossy()]);
    confirm(&failure, &last)?;
    let story = story::Story { folder: &folder, before: &wish.plan, shrunk: &shrunk, outcome: &last };
    story.write()?;
    println!(
        "{} faults became {} in {} runs{}; {}",
        wish.plan.faults.len(),
        shrunk.plan.faults.len(),
        shrunk.runs,
        if shrunk.complete { "" } else { " (all that were allowed: it may get smaller still)" },
        folder.join("story.md").display()
    );
    println!("{}", command(&format!("replay {}", folder.join("shrunk.json").display())));
    Ok(true)
}

/// A run repeats itself; one that does not is worth more than any smaller plan.
fn confirm(failure: &Failure, outcome: &Outcome) -> Result<(), String> {
    match Failure::of(&outcome.verdict) {
        Some(other) if other == *failure => Ok(()),
        other => {
            let other = other.map_or_else(|| "passed".to_owned(), |other| other.to_string());
            Err(format!("the same plan failed ({failure}) and, run again, did not ({other}): it is not deterministic"))
        }
    }
}

fn write_plan(path: &Path, plan: &Plan) -> Result<(), String> {
    let text = one::pretty(plan)?;
    fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

/// Judges candidates by running each in a process of its own.
pub(super) struct Children<'f> {
    child: &'f Child,
    failure: &'f Failure,
    jobs: usize,
    judged: usize,
    max_runs: usize,
}

impl<'f> Children<'f> {
    /// Those of a failure; no more than `max_runs`, `jobs` at the same time.
    pub(super) fn new(child: &'f Child, failure: &'f Failure, jobs: usize, max_runs: usize) -> Self {
        Self { child, failure, jobs: jobs.max(1), judged: 0, max_runs }
    }
}

impl Judge for Children<'_> {
    fn first_failing(&mut self, candidates: &[Plan]) -> Option<usize> {
        let (next, first) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(candidates.len()) {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        // All before a failing one are taken already, so the first of all is found.
                        if place > first.load(Ordering::Relaxed) {
                            return;
                        }
                        let Some(plan) = candidates.get(place) else { return };
                        if Failure::of(&self.child.replay(plan, &[]).verdict).as_ref() == Some(self.failure) {
                            first.fetch_min(place, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let failing = Some(first.into_inner()).filter(|place| *place < candidates.len());
        self.judged += failing.map_or(candidates.len(), |place| place + 1);
        if let Some(plan) = failing.and_then(|place| candidates.get(place)) {
            println!("{:>4} of {}: {}", self.judged, self.max_runs, size(plan));
        }
        failing
    }
}

/// How large a plan is, in a line.
pub(super) fn size(plan: &Plan) -> String {
    let total_ms: u64 = plan.faults.iter().map(|fault| fault.duration_ms).sum();
    let behind = if plan.behind_every_ms == 0 { "no writes" } else { "writes" };
    let (faults, storm_s) = (plan.faults.len(), plan.storm_ms as f64 / 1_000.0);
    format!("{faults} faults, together {:.2} s; storm {storm_s:.2} s; {behind} behind", total_ms as f64 / 1_000.0)
}
