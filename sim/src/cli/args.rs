//! What can be asked of the simulation.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(feature = "mutants")]
use super::mutants;
use super::one::Print;
use super::{list, meta, one, shrink, swarm};
use crate::fault::draw;

/// Deterministic simulation of the SmartPulse services.
#[derive(Debug, Parser)]
#[command(name = "sim", version)]
struct Args {
    /// Plants a bug, by its name (`sim list`), in this process and its children.
    #[cfg(feature = "mutants")]
    #[arg(long, global = true, value_name = "NAME")]
    mutant: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists families of faults, invariants and marks.
    List,
    /// Runs one seed in this process and prints its plan and verdict.
    Run {
        /// The seed.
        #[arg(long)]
        seed: u64,
        /// Prints tracing to stderr through this filter, such as `info` or `smartpulse=debug`.
        #[arg(long)]
        trace: Option<String>,
        /// Prints the log to stdout, one JSON line per record.
        #[arg(long)]
        log: bool,
        /// Without faults.
        #[arg(long)]
        fair: bool,
        /// With one forged answer at the end: it must fail.
        #[arg(long)]
        canary: bool,
        /// One line of JSON and nothing else: what the swarm reads.
        #[arg(long, conflicts_with = "log")]
        json: bool,
    },
    /// Runs many seeds, each in a process of its own.
    Swarm {
        /// How many.
        #[arg(long, default_value_t = 100)]
        count: u64,
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// At the same time.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// No new seed after this time.
        #[arg(long)]
        minutes: Option<u64>,
        /// Where the summary goes.
        #[arg(long, default_value = "reports/sim-swarm.json")]
        report: PathBuf,
        /// Fails if a mark was hit by no seed, as a batch of 200 seeds and more does anyway.
        #[arg(long, conflicts_with = "lenient")]
        strict: bool,
        /// Does not fail for that, however many seeds there are.
        #[arg(long)]
        lenient: bool,
    },
    /// Runs seeds twice, in two processes each, and compares their traces and logs byte by byte.
    Meta {
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many.
        #[arg(long, default_value_t = 1)]
        count: u64,
    },
    /// Runs the plan in a file.
    Replay {
        /// JSON, as `run` prints it; `-`: from stdin.
        file: PathBuf,
        /// Prints the log to stdout.
        #[arg(long)]
        log: bool,
        /// One line of JSON and nothing else: what `shrink` reads.
        #[arg(long, conflicts_with = "log")]
        json: bool,
        /// Records the messages too, and writes history and diagram to this folder.
        #[arg(long)]
        draw: Option<PathBuf>,
    },
    /// Runs each planted bug through the seeds until one fails, and tells how many it took.
    #[cfg(feature = "mutants")]
    Mutants {
        /// Only this one; may be repeated.
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// One that survives so many seeds is not caught.
        #[arg(long, default_value_t = 200)]
        count: u64,
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// At the same time.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// How many smaller plans are tried for each failure; 0: none.
        #[arg(long, default_value_t = 60)]
        shrink_runs: usize,
        /// Where the table goes.
        #[arg(long, default_value = "reports/sim-mutants.json")]
        report: PathBuf,
    },
    /// Makes a plan that fails as small as it gets, and tells its story.
    Shrink {
        /// JSON, as `run` prints it.
        #[arg(required_unless_present = "seed", conflicts_with = "seed")]
        file: Option<PathBuf>,
        /// The plan of this seed.
        #[arg(long)]
        seed: Option<u64>,
        /// Candidates at the same time; the result does not depend on it.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// No more candidates than that.
        #[arg(long, default_value_t = 300)]
        max_runs: usize,
        /// Where the folder of the failure goes.
        #[arg(long, default_value = "reports/sim-failures")]
        out: PathBuf,
    },
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let args = Args::parse();
    #[cfg(feature = "mutants")]
    if let Some(name) = &args.mutant
        && let Err(why) = mutants::activate(name)
    {
        eprintln!("sim: {why}");
        return ExitCode::from(2);
    }
    match done(args.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("sim: {why}");
            ExitCode::from(2)
        }
    }
}

fn done(command: Command) -> Result<bool, String> {
    match command {
        Command::List => {
            list::print();
            Ok(true)
        }
        Command::Run { seed, trace, log, fair, canary, json } => {
            one::run_seed(seed, trace.as_deref(), fair, canary, Print::of(log, json))
        }
        Command::Swarm { count, from, jobs, minutes, report, strict, lenient } => {
            swarm::run(&swarm::Swarm { count, from, jobs, minutes, report, strict, lenient })
        }
        Command::Meta { seed, count } => meta::run(seed, count),
        Command::Replay { file, log, json, draw } => one::replay(&file, Print::of(log, json), draw.as_deref()),
        Command::Shrink { file, seed, jobs, max_runs, out } => {
            let plan = match (file, seed) {
                (Some(file), _) => one::read_plan(&file),
                (None, seed) => Ok(draw(seed.unwrap_or_default())),
            };
            plan.and_then(|plan| shrink::run(&shrink::Shrink { plan, jobs, max_runs, out }))
        }
        #[cfg(feature = "mutants")]
        Command::Mutants { only, count, from, jobs, shrink_runs, report } => {
            mutants::run(&mutants::Mutants { only, count, from, jobs, shrink_runs, report })
        }
    }
}
