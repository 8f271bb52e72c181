//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

#[derive(Debug, Parser)]
#[command(
    name = "loadgen",
    version,
    about = "Open-loop load for SmartPulse that checks every reply",
    after_help = "Exit codes: 0 passed, 99 a threshold was missed, 2 usage, 3 the target cannot be measured.\n\nExamples:
  loadgen reads --spawn 3
  loadgen propagation --spawn 3 --out reports/loadgen/propagation
  loadgen mixed --target http://127.0.0.1:8080 --metrics http://127.0.0.1:9090 --secret-file secret --allow-writes --company UUID
  loadgen compare before/report.json after/report.json"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Zipf reads: hit ratios against the model, accounting against the server's counters
    Reads(RunArgs),
    /// Writes on one instance, seen on all
    Propagation(RunArgs),
    /// Reads, lists and writes
    Mixed(RunArgs),
    /// A thousand readers of one cold forecast, again and again
    Stampede(RunArgs),
    /// The mix for long: memory and lag
    Soak(RunArgs),
    /// The mix, with a stall in the middle
    Outage(RunArgs),
    /// Events and messages to sinks on this machine: how long until each channel has them
    Notifications(RunArgs),
    /// A scenario of your own (TOML), or a built-in one by name
    Run {
        /// The file, or the name
        scenario: String,
        #[command(flatten)]
        args: RunArgs,
    },
    /// Writes the forecasts that a scenario reads
    Seed {
        /// How many
        #[arg(long, default_value_t = 6_000)]
        size: usize,
        #[command(flatten)]
        reach: ReachArgs,
    },
    /// Removes what was seeded: the forecasts with the tag `loadgen`
    Clean {
        #[command(flatten)]
        reach: ReachArgs,
    },
    /// Two reports side by side; exit code 99 if the second is worse
    Compare {
        /// A report or its folder
        before: PathBuf,
        /// The other
        after: PathBuf,
    },
    /// What the tiers must answer to a scenario, without any server
    Expect {
        /// The file, or the name
        scenario: String,
        /// How many instances
        #[arg(long, default_value_t = 3)]
        instances: usize,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// A scenario as TOML, to begin one's own with
    Scenario {
        /// The name
        name: String,
    },
    /// How fast the generator itself is against a server: one forecast, every reply checked (see `ceiling.sh`)
    Ceiling {
        /// The base URL
        #[arg(long, value_name = "URL")]
        target: String,
        /// The forecast
        #[arg(long, value_name = "UUID")]
        id: Uuid,
        /// Requests per second; above what is possible, the rest is counted as not sent
        #[arg(long, default_value_t = 200_000.0)]
        rate: f64,
        /// How long
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
        /// Connections
        #[arg(long, default_value_t = 64)]
        connections: usize,
    },
    /// The JSON Schema of a report
    Schema,
}

/// How the target is reached.
#[derive(Debug, Clone, Args)]
pub(super) struct ReachArgs {
    /// The base URL of an instance; may be repeated
    #[arg(long, value_name = "URL")]
    pub(super) target: Vec<String>,
    /// The internal base URL of an instance, for its /metrics; may be repeated
    #[arg(long, value_name = "URL")]
    pub(super) metrics: Vec<String>,
    /// The base URL of an instance's notification API (scenario notifications); may be repeated
    #[arg(long, value_name = "URL")]
    pub(super) notifications: Vec<String>,
    /// Certificates (PEM) that are trusted beside the machine's, for https targets
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// A file with the secret that tokens are signed with (or LOADGEN_SECRET)
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
    /// A file with a token to use as it is (or LOADGEN_TOKEN)
    #[arg(long, value_name = "FILE", conflicts_with = "secret_file")]
    pub(super) token_file: Option<PathBuf>,
    /// The issuer that signed tokens name
    #[arg(long)]
    pub(super) issuer: Option<String>,
    /// The audience that signed tokens name
    #[arg(long)]
    pub(super) audience: Option<String>,
    /// The company whose forecasts are read and written
    #[arg(long, value_name = "UUID")]
    pub(super) company: Option<Uuid>,
    /// Allows writes to a target that was not started for the run; what is written is removed afterwards
    #[arg(long)]
    pub(super) allow_writes: bool,
}

/// What is different from the scenario's text.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ChangeArgs {
    /// Scales all rates so that the highest is this many per second
    #[arg(long, value_name = "PER_SECOND")]
    pub(super) rate: Option<f64>,
    /// The length of the longest stage, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) duration: Option<f64>,
    /// The warm-up, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) warm_up: Option<f64>,
    /// Forecasts in the population
    #[arg(long)]
    pub(super) population: Option<usize>,
    /// Where the randomness comes from
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Connections to each target
    #[arg(long)]
    pub(super) connections: Option<usize>,
}

/// A run.
#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    /// Starts the release binary with this many instances, and ends it afterwards
    #[arg(long, value_name = "INSTANCES", conflicts_with_all = ["target", "metrics", "notifications"])]
    pub(super) spawn: Option<usize>,
    /// The binary to start [default: smartpulse beside this program]
    #[arg(long, value_name = "FILE", requires = "spawn")]
    pub(super) binary: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reach: ReachArgs,
    /// A command that stalls the target: called with `start` and `stop` as its last word (outage)
    #[arg(long, value_name = "COMMAND")]
    pub(super) outage_hook: Option<String>,
    /// Where the sink of pushes listens (notifications); a server that was not started for the run must list its origin in
    /// push.allowed_private_origins
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) sink_listen: std::net::SocketAddr,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
    /// The folder of the report [default: loadgen-out/<scenario>]
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
    /// No progress
    #[arg(long)]
    pub(super) quiet: bool,
}
