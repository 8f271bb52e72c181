//! `sim run` and `sim replay`: one run in this process.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::commands::{about_seed, command};
use super::trace;
use crate::fault::{Plan, draw};
use crate::log::Record;
use crate::memory;
use crate::picture;
use crate::run::{Outcome, Verdict, run, run_with_messages};
use crate::world::Millis;

/// How many records before a violation are shown.
pub(super) const TAIL: usize = 30;

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Print {
    /// The plan, the verdict, the last records before a violation.
    Story,
    /// All records, a line each.
    Log,
    /// The outcome as a line of JSON.
    Json,
}

impl Print {
    pub(super) fn of(log: bool, json: bool) -> Self {
        match (log, json) {
            (_, true) => Self::Json,
            (true, false) => Self::Log,
            (false, false) => Self::Story,
        }
    }
}

pub(super) fn run_seed(seed: u64, filter: Option<&str>, fair: bool, canary: bool, print: Print) -> Result<bool, String> {
    let now = Millis::default();
    if let Some(filter) = filter {
        trace::install(filter, now.clone())?;
    }
    let mut plan = Plan { canary, ..draw(seed) };
    if fair {
        plan.faults.clear();
        plan.permanent = None;
    }
    one(&plan, print, &about_seed(seed), now, None)
}

/// A plan as `run` prints it.
pub(super) fn read_plan(file: &Path) -> Result<Plan, String> {
    let text = if file == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

pub(super) fn pretty(plan: &Plan) -> Result<String, String> {
    serde_json::to_string_pretty(plan).map_err(|error| error.to_string())
}

pub(super) fn replay(file: &Path, print: Print, draw: Option<&Path>) -> Result<bool, String> {
    let name = file.display();
    let (replay, shrink) = (command(&format!("replay {name}")), command(&format!("shrink {name}")));
    one(&read_plan(file)?, print, &format!("{replay}  |  {shrink}"), Millis::default(), draw)
}

fn one(plan: &Plan, print: Print, again: &str, now: Millis, draw: Option<&Path>) -> Result<bool, String> {
    if print == Print::Story {
        println!("{}", pretty(plan)?);
    }
    let began = Instant::now();
    let (outcome, records) = match draw {
        Some(folder) => drawn(plan, now, folder)?,
        None => run(plan, now)?,
    };
    let wall = began.elapsed().as_secs_f64();
    let outcome = Outcome { peak_kib: memory::peak_kib(), ..outcome };
    match print {
        Print::Json => println!("{}", serde_json::to_string(&outcome).map_err(|error| error.to_string())?),
        Print::Log => records.iter().for_each(|record| println!("{}", line(record))),
        Print::Story => {}
    }
    if print != Print::Json {
        eprintln!("{}", summary(&outcome, wall));
    }
    if print == Print::Story && !outcome.passed() {
        let end = match &outcome.verdict {
            Verdict::Violated(violation) => usize::try_from(violation.ordinal).unwrap_or_default() + 1,
            Verdict::Passed | Verdict::Died(_) => records.len(),
        };
        for record in &records[end.saturating_sub(TAIL)..end.min(records.len())] {
            eprintln!("  {}", line(record));
        }
        eprintln!("{again}");
    }
    Ok(outcome.passed())
}

/// Runs with messages; writes history, messages and diagram.
fn drawn(plan: &Plan, now: Millis, folder: &Path) -> Result<(Outcome, Vec<Record>), String> {
    let (outcome, records, messages) = run_with_messages(plan, now)?;
    let run = picture::Run { plan, outcome: &outcome, records: &records, messages: &messages };
    let picture = picture::draw(&picture::Scene::of(&run));
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    write("history.jsonl", lines(&records))?;
    write("messages.jsonl", lines(&messages))?;
    write("diagram.svg", picture)?;
    Ok((outcome, records))
}

fn lines(items: &[impl Serialize]) -> String {
    items.iter().map(|item| serde_json::to_string(item).unwrap_or_default() + "\n").collect()
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
