//! `sim run` and `sim replay`: one run in this process.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::trace;
use crate::fault::{Plan, draw};
use crate::log::Record;
use crate::memory;
use crate::run::{Outcome, Verdict, run};
use crate::world::Millis;

/// How many records before a violation are shown.
const TAIL: usize = 30;

pub(super) fn run_seed(seed: u64, filter: Option<&str>, log: bool, fair: bool, json: bool) -> Result<bool, String> {
    let now = Millis::default();
    if let Some(filter) = filter {
        trace::install(filter, now.clone())?;
    }
    let mut plan = draw(seed);
    if fair {
        plan.faults.clear();
    }
    if json {
        let (outcome, records) = run(&plan, now)?;
        let outcome = Outcome { peak_kib: memory::peak_kib(), ..outcome };
        drop(records);
        println!("{}", serde_json::to_string(&outcome).map_err(|error| error.to_string())?);
        return Ok(outcome.passed());
    }
    one(&plan, log, now)
}

pub(super) fn replay(file: &Path, log: bool) -> Result<bool, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let plan = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    one(&plan, log, Millis::default())
}

fn one(plan: &Plan, log: bool, now: Millis) -> Result<bool, String> {
    if !log {
        println!("{}", serde_json::to_string_pretty(plan).map_err(|error| error.to_string())?);
    }
    let began = Instant::now();
    let (outcome, records) = run(plan, now)?;
    let wall = began.elapsed().as_secs_f64();
    if log {
        for record in &records {
            println!("{}", line(record));
        }
    }
    eprintln!("{}", summary(&outcome, wall));
    if let Verdict::Violated(violation) = &outcome.verdict
        && !log
    {
        let end = usize::try_from(violation.ordinal).unwrap_or_default() + 1;
        for record in &records[end.saturating_sub(TAIL)..end.min(records.len())] {
            eprintln!("  {}", line(record));
        }
    }
    Ok(outcome.passed())
}

fn line(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

fn summary(outcome: &Outcome, wall: f64) -> String {
    let verdict = match &outcome.verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::Violated(violation) => format!("FAILED: {violation}"),
        Verdict::Died(why) => format!("DIED: {why}"),
    };
    let seconds = outcome.simulated_ms as f64 / 1_000.0;
    format!(
        "seed {}: {verdict}; {seconds:.1} s simulated in {wall:.2} s ({:.0} per second); {} requests, {} commits, {} \
         faults, {} records; digest {}",
        outcome.seed,
        seconds / wall,
        outcome.requests,
        outcome.commits,
        outcome.faults,
        outcome.records,
        outcome.digest
    )
}
