//! The program.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use origin::git_ref;

use super::catalogue;
use super::judge::{Judged, Read, Verdict, judge};
use super::page::page;
use super::record::record;
use super::reports::Reports;
use super::stale::{Counts, rests_on_stale};
use crate::figures::{now, root, write};

/// Gathers what was measured into a page with a row for each claim.
#[derive(Debug, Parser)]
#[command(name = "claims", version)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The folder of reports [default: reports/ of the workspace]
    #[arg(long, value_name = "FOLDER", global = true)]
    reports: Option<PathBuf>,
    /// Fails (exit code 1) unless every claim holds: also if one was not measured, or by reports of other code
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a suite of tests and records which passed, as `data/suites/<name>.json`
    Record {
        /// The suite
        name: String,
        /// What runs it
        #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let folder = args.reports.clone().unwrap_or_else(|| root().join("reports"));
    let done = match args.command {
        Some(Command::Record { name, command }) => {
            record(&name, &command, &mut |line| eprintln!("{line}")).and_then(|(record, succeeded)| {
                let path = write(&folder.join("data/suites"), &record)?;
                println!("{} passed, {} failed: {}", record.passed.len(), record.failed.len(), path.display());
                Ok(succeeded)
            })
        }
        None => {
            let (judged, read) = judge(catalogue::all(), &Reports::new(&folder));
            let git_ref = git_ref(&root());
            let text = page(&judged, &read, git_ref.as_deref(), &now());
            let path = folder.join("CLAIMS.md");
            let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, text));
            written.map(|()| {
                println!("{}\n{}", summary(&judged, &read, git_ref.as_deref()), path.display());
                !args.strict || Counts::of(&judged, &read, git_ref.as_deref()).all_hold()
            })
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("claims: {}: {error}", folder.display());
            ExitCode::from(2)
        }
    }
}

/// What does not hold, what was not measured, and what is of other code.
fn summary(judged: &[Judged], read: &Read, git_ref: Option<&str>) -> String {
    let mut text = String::new();
    for verdict in [Verdict::DoesNotHold, Verdict::NotMeasured] {
        for claim in judged.iter().filter(|claim| claim.verdict == verdict) {
            let parts = claim.parts.iter().filter(|part| part.verdict == verdict);
            let mut why: Vec<_> = parts.map(|part| part.text.as_str()).collect();
            why.dedup();
            let verdict = verdict.text().trim_matches('*');
            text.push_str(&format!("{verdict:<14} {:<8} {}: {}\n", claim.claim.id, claim.claim.text, why.join("; ")));
        }
    }
    let is_stale = |claim: &&Judged| claim.verdict == Verdict::Holds && rests_on_stale(claim, read, git_ref);
    for claim in judged.iter().filter(is_stale) {
        text.push_str(&format!("{:<14} {:<8} {}\n", "stale", claim.claim.id, claim.claim.text));
    }
    let counts = Counts::of(judged, read, git_ref);
    text.push_str(&format!(
        "{} of {} claims hold; {} more by reports of other code",
        counts.hold,
        judged.len(),
        counts.stale
    ));
    text
}
