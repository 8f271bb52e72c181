//! What can be asked of the simulation.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{list, meta, one, swarm};

/// Deterministic simulation of the SmartPulse services.
#[derive(Debug, Parser)]
#[command(name = "sim", version)]
struct Args {
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
        /// Fails if a mark was hit by no seed.
        #[arg(long)]
        strict: bool,
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
        /// JSON, as `run` prints it.
        file: PathBuf,
        /// Prints the log to stdout.
        #[arg(long)]
        log: bool,
    },
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::List => {
            list::print();
            Ok(true)
        }
        Command::Run { seed, trace, log, fair, json } => one::run_seed(seed, trace.as_deref(), log, fair, json),
        Command::Swarm { count, from, jobs, minutes, report, strict } => {
            swarm::run(&swarm::Swarm { count, from, jobs, minutes, report, strict })
        }
        Command::Meta { seed, count } => meta::run(seed, count),
        Command::Replay { file, log } => one::replay(&file, log),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("sim: {why}");
            ExitCode::from(2)
        }
    }
}
