//! `sim mutants`: how sharp the simulation is. Each planted bug runs through the seeds until one fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use coherence::mutants::Mutant;
use serde::Serialize;

use super::child::Child;
use super::report;
use super::shrink::Children;
use crate::check::Violation;
use crate::fault::draw;
use crate::run::{Outcome, Verdict};
use crate::shrink::{Failure, shrink};

/// What to do.
pub(super) struct Mutants {
    /// These; all, if none is named.
    pub(super) only: Vec<String>,
    /// A bug that survives so many seeds is not caught.
    pub(super) count: u64,
    pub(super) from: u64,
    pub(super) jobs: usize,
    /// How many smaller plans are tried for each failure; 0: none.
    pub(super) shrink_runs: usize,
    pub(super) report: PathBuf,
}

/// What became of one bug: a row of the table.
#[derive(Debug, Clone, Serialize)]
struct Row {
    mutant: &'static str,
    about: &'static str,
    /// The guarantee that it breaks, as its planter sees it.
    breaks: String,
    /// The invariant that caught it.
    caught: Option<String>,
    /// Whether that is the one which its planter expected.
    as_expected: Option<bool>,
    message: String,
    /// Seeds until then, this one included.
    seeds: u64,
    seed: Option<u64>,
    /// Simulated until then.
    simulated_s: f64,
    /// How often its place was passed.
    reached: u64,
    /// Runs that ended without a verdict, which count for nothing; and why the first one did.
    died: u64,
    death: Option<String>,
    /// Seeds that fail without the bug as well, which count for nothing either.
    fail_anyway: Vec<u64>,
    faults: usize,
    shrunk_faults: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Report {
    mutants: usize,
    caught: usize,
    /// Of these, by the invariant that their planters expected.
    as_expected: usize,
    survived: Vec<&'static str>,
    /// Bugs under which runs ended without a verdict.
    died: Vec<&'static str>,
    median_seeds: Option<u64>,
    seeds_max: u64,
    first_seed: u64,
    wall_s: f64,
    rows: Vec<Row>,
}

pub(super) fn run(wish: &Mutants) -> Result<bool, String> {
    let began = Instant::now();
    let wanted: BTreeSet<Mutant> = match wish.only.is_empty() {
        true => Mutant::ALL.iter().copied().collect(),
        false => wish.only.iter().map(|name| name.parse()).collect::<Result<_, _>>().map_err(|e| format!("{e}"))?,
    };
    let wanted: Vec<Mutant> = wanted.into_iter().collect();
    let (next, rows, sound) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Sound::default());
    std::thread::scope(|scope| {
        for _ in 0..wish.jobs.max(1) {
            scope.spawn(|| {
                while let Some(mutant) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = hunt(*mutant, wish, &sound);
                    println!("{}", told(&row));
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report = table(wish, rows, began.elapsed().as_secs_f64());
    report::write(&wish.report, &report)?;
    println!(
        "{} of {} caught, {} by the invariant expected; median {} seeds; survived: {}; died: {}; {:.0} s; {}",
        report.caught,
        report.mutants,
        report.as_expected,
        report.median_seeds.map_or_else(|| "-".to_owned(), |median| median.to_string()),
        if report.survived.is_empty() { "none".to_owned() } else { report.survived.join(", ") },
        if report.died.is_empty() { "none".to_owned() } else { report.died.join(", ") },
        report.wall_s,
        wish.report.display()
    );
    Ok(report.mutants > 0 && report.survived.is_empty())
}

/// Which seeds pass without any bug: only their failures prove something. Asked once for each.
#[derive(Default)]
struct Sound(Mutex<BTreeMap<u64, bool>>);

impl Sound {
    fn is(&self, seed: u64) -> bool {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sound) = known().get(&seed) {
            return *sound;
        }
        let sound = Child::without_bug().run(seed, &[]).passed();
        known().insert(seed, sound);
        sound
    }
}

/// Runs one bug until a seed shows it: an invariant does not hold, as it does without the bug.
fn hunt(mutant: Mutant, wish: &Mutants, sound: &Sound) -> Row {
    let child = Child::with_bug(mutant.name());
    let mut row = Row {
        mutant: mutant.name(),
        about: mutant.about(),
        breaks: mutant.invariant().to_string(),
        caught: None,
        as_expected: None,
        message: String::new(),
        seeds: 0,
        seed: None,
        simulated_s: 0.0,
        reached: 0,
        died: 0,
        death: None,
        fail_anyway: Vec::new(),
        faults: 0,
        shrunk_faults: None,
    };
    for seed in wish.from..wish.from.saturating_add(wish.count) {
        let outcome = child.run(seed, &[]);
        row.seeds += 1;
        row.simulated_s += outcome.simulated_ms as f64 / 1_000.0;
        row.reached += outcome.reached;
        match &outcome.verdict {
            Verdict::Passed => {}
            Verdict::Died(why) => {
                row.died += 1;
                row.death.get_or_insert_with(|| format!("seed {seed}: {why}"));
            }
            Verdict::Violated(_) if !sound.is(seed) => row.fail_anyway.push(seed),
            Verdict::Violated(violation) => {
                caught(&mut row, (seed, &outcome), violation, &child, wish.shrink_runs);
                return row;
            }
        }
    }
    row
}

fn caught(row: &mut Row, run: (u64, &Outcome), violation: &Violation, child: &Child, shrink_runs: usize) {
    let (seed, outcome) = run;
    let plan = draw(seed);
    row.caught = Some(violation.invariant.clone());
    row.as_expected = Some(violation.invariant == row.breaks);
    row.seed = Some(seed);
    row.faults = plan.faults.len();
    row.message = violation.message.clone();
    if let Some(failure) = Failure::of(&outcome.verdict).filter(|_| shrink_runs > 0) {
        let mut judge = Children::new(child, &failure, 1, shrink_runs);
        row.shrunk_faults = Some(shrink(&plan, shrink_runs, &mut judge).plan.faults.len());
    }
}

fn told(row: &Row) -> String {
    match (&row.caught, row.seed) {
        (Some(caught), Some(seed)) => {
            let shrunk = row.shrunk_faults.map_or_else(String::new, |faults| format!(" -> {faults}"));
            format!(
                "{:<28} {caught} (expected: {}) at seed {seed} after {} seeds; {} faults{shrunk}",
                row.mutant, row.breaks, row.seeds, row.faults
            )
        }
        _ => format!(
            "{:<28} SURVIVED {} seeds (its place was passed {} times; {} runs died, {} fail anyway)",
            row.mutant,
            row.seeds,
            row.reached,
            row.died,
            row.fail_anyway.len()
        ),
    }
}

fn table(wish: &Mutants, mut rows: Vec<Row>, wall_s: f64) -> Report {
    rows.sort_by_key(|row| row.mutant);
    let mut seeds: Vec<u64> = rows.iter().filter(|row| row.caught.is_some()).map(|row| row.seeds).collect();
    seeds.sort_unstable();
    Report {
        mutants: rows.len(),
        caught: seeds.len(),
        as_expected: rows.iter().filter(|row| row.as_expected == Some(true)).count(),
        died: rows.iter().filter(|row| row.died > 0).map(|row| row.mutant).collect(),
        survived: rows.iter().filter(|row| row.caught.is_none()).map(|row| row.mutant).collect(),
        median_seeds: seeds.get(seeds.len() / 2).copied(),
        seeds_max: wish.count,
        first_seed: wish.from,
        wall_s,
        rows,
    }
}

/// Chooses the bug of this process, which its children have too.
pub(super) fn activate(name: &str) -> Result<(), String> {
    coherence::mutants::activate(name).map(drop).map_err(|error| error.to_string())
}

/// The bugs for `sim list`.
pub(super) fn print() {
    println!("Planted bugs (--mutant NAME; `sim mutants` runs them all):");
    for mutant in Mutant::ALL {
        println!("  {:<28} {:<4} {}", mutant.name(), format!("{:?}", mutant.invariant()), mutant.about());
    }
}
