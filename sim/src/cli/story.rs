//! The page that tells how a run failed.

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::commands::{command, planted_bug};
use super::one::TAIL;
use super::shrink::size;
use crate::fault::{Fault, Plan};
use crate::run::{Outcome, Verdict};
use crate::shrink::Shrunk;

/// What the page is made of.
pub(super) struct Story<'s> {
    /// Where it goes, beside the history and the diagram.
    pub(super) folder: &'s Path,
    pub(super) before: &'s Plan,
    pub(super) shrunk: &'s Shrunk,
    /// Of the shrunk plan.
    pub(super) outcome: &'s Outcome,
}

impl Story<'_> {
    pub(super) fn write(&self) -> Result<(), String> {
        let path = self.folder.join("story.md");
        fs::write(&path, self.text()).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn text(&self) -> String {
        let plan = &self.shrunk.plan;
        let replay = command(&format!("replay {}", self.folder.join("shrunk.json").display()));
        let bug = planted_bug().map(|bug| format!("\nPlanted bug: `{bug}`.\n")).unwrap_or_default();
        let rest = if self.shrunk.complete { "nothing left to try" } else { "all that were allowed" };
        let mut text = format!(
            "# Seed {}\n\n**{}**\n{bug}\n```sh\n{replay}\n```\n\nShrunk in {} runs ({rest}).",
            plan.seed,
            verdict(&self.outcome.verdict),
            self.shrunk.runs
        );
        if !self.outcome.digest.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, " Digest of its log: `{}`.", self.outcome.digest);
        }
        text.push_str("\n\n");
        if self.folder.join("diagram.svg").exists() {
            text.push_str("![What happened before it](diagram.svg)\n\n");
        }
        let _ = writeln!(text, "## Faults\n\n{}:\n\n{}", size(plan), table(&plan.faults));
        let _ = writeln!(text, "Before: {}:\n\n{}", size(self.before), table(&self.before.faults));
        if let Some(last) = self.last_records() {
            let _ = writeln!(text, "## The last records\n\n```json\n{}\n```", last.join("\n"));
        }
        text
    }

    /// Up to the violation.
    fn last_records(&self) -> Option<Vec<String>> {
        let file = fs::File::open(self.folder.join("history.jsonl")).ok()?;
        let lines: Vec<String> = BufReader::new(file).lines().map_while(Result::ok).collect();
        let end = match &self.outcome.verdict {
            Verdict::Violated(violation) => usize::try_from(violation.ordinal).ok()? + 1,
            Verdict::Passed | Verdict::Died(_) => lines.len(),
        };
        let end = end.min(lines.len());
        Some(lines[end.saturating_sub(TAIL)..end].to_vec())
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::Violated(violation) => violation.to_string(),
        Verdict::Died(why) => format!("died: {}", why.replace('\n', " | ")),
    }
}

fn table(faults: &[Fault]) -> String {
    if faults.is_empty() {
        return "None: it fails without any.\n".to_owned();
    }
    let mut text = "| from, s | for, s | what |\n|---:|---:|---|\n".to_owned();
    for fault in faults {
        let seconds = |ms: u64| ms as f64 / 1_000.0;
        let (from, long) = (seconds(fault.start_ms), seconds(fault.duration_ms));
        let _ = writeln!(text, "| {from:.2} | {long:.2} | `{:?}` |", fault.kind);
    }
    text
}
