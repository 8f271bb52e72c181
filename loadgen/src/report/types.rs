//! The report. Its form is published as `schema/report-v1.schema.json`; what is removed or changes its meaning raises
//! [`SCHEMA_VERSION`], what is added does not.

use std::collections::BTreeMap;

use origin::Machine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the report's form.
pub const SCHEMA_VERSION: u32 = 1;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this form.
    pub schema_version: u32,
    /// The program and its version.
    pub tool: String,
    /// The scenario's name.
    pub scenario: String,
    /// Its kind.
    pub kind: String,
    /// Its one line for people.
    pub about: String,
    /// Whether every threshold holds and the plan was run to its end.
    pub passed: bool,
    /// Why the plan was not run to its end, if so.
    pub aborted: Option<String>,
    /// When the run began (RFC 3339).
    pub started_at: String,
    /// How long it took, in seconds.
    pub elapsed_s: f64,
    /// How much of that was warm-up, in seconds.
    pub warm_up_s: f64,
    /// The commit that the program was run in, and `+` if there was something uncommitted.
    pub git_ref: Option<String>,
    /// The command, without secrets.
    pub command: String,
    /// The machine.
    pub machine: Machine,
    /// The server: its version where it was spawned.
    pub server: Option<String>,
    /// The targets.
    pub targets: Vec<String>,
    /// The instances behind them.
    pub instances: Vec<String>,
    /// Whether all traffic was ours; if not, the accounting is approximate.
    pub exclusive: bool,
    /// The scenario as it was run (TOML).
    pub scenario_text: String,
    /// Forecasts that were asked for.
    pub population: u64,
    /// Arrivals due after the warm-up.
    pub due: u64,
    /// Replies and errors after the warm-up.
    pub done: u64,
    /// Arrivals after the warm-up that were never sent.
    pub not_sent: u64,
    /// All requests that were sent, warm-up included.
    pub whole_sent: u64,
    /// Latencies.
    pub latency: Latency,
    /// Replies by tier, after the warm-up.
    pub levels: Levels,
    /// Errors after the warm-up.
    pub errors: Errors,
    /// The server's counters over the whole run.
    pub server_counts: Option<ServerCounts>,
    /// What the tiers had to answer.
    pub model: Option<Model>,
    /// From commit to every instance.
    pub propagation: Option<PropagationReport>,
    /// What became of notifications.
    pub notifications: Option<NotificationReport>,
    /// All figures by name: what thresholds are about, and what is compared.
    pub figures: BTreeMap<String, f64>,
    /// The thresholds.
    pub thresholds: Vec<Threshold>,
    /// Each second, the warm-up included.
    pub seconds: Vec<SecondRow>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    /// How many values.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// 50 %.
    pub p50: f64,
    /// 75 %.
    pub p75: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// The most.
    pub max: f64,
}

/// Latencies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// From the planned time: what a user waits.
    pub planned: Quantiles,
    /// From the sending: what a closed loop would print.
    pub sent: Quantiles,
    /// How late the generator itself was.
    pub lateness: Quantiles,
    /// From the planned time, by kind of request.
    pub kinds: BTreeMap<String, Quantiles>,
    /// The distribution from the planned time: pairs of a percentile (0 to 100) and milliseconds.
    pub distribution: Vec<(f64, f64)>,
}

/// Replies by tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Levels {
    /// 200s by L1 to L4.
    pub ok: [u64; 4],
    /// 304s by L1 to L4.
    pub not_modified: [u64; 4],
    /// Replies of no tier: lists and writes.
    pub unnamed: u64,
    /// The shares of L1 to L4, 304s included.
    pub shares: [f64; 4],
}

/// Errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Errors {
    /// All.
    pub total: u64,
    /// By name.
    pub by_name: BTreeMap<String, u64>,
}

/// The server's counters beside the client's, over the whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerCounts {
    /// Reads answered by L1 to L4, as the server counts.
    pub answers: [i64; 4],
    /// The same as the client counts.
    pub seen: [u64; 4],
    /// The server's 304s.
    pub not_modified: i64,
    /// The client's.
    pub seen_not_modified: u64,
    /// Rows read from the store by fills.
    pub loads: i64,
    /// Reads that waited for another's fill.
    pub joins: i64,
    /// Reads that the tiers answered, and rows that fills read from the store, both after the warm-up.
    #[serde(default)]
    pub since_warm: Option<[i64; 2]>,
    /// Entries in L1 and L2 of all instances at the end.
    pub entries: [i64; 2],
    /// By how much they disagree, over all.
    pub difference: u64,
    /// Requests without an answer, which the server may have counted.
    pub unanswered: u64,
    /// Requests of each target, whatever their status, as the server counts.
    #[serde(default)]
    pub requests: Vec<i64>,
    /// The same as the client sent them.
    #[serde(default)]
    pub sent: Vec<u64>,
}

/// What the tiers had to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Shares of L1 to L4 by the exact simulation of the same requests.
    pub simulated: [f64; 4],
    /// Shares if each tier held just what is most popular (closed form).
    pub ideal: [f64; 4],
    /// Entries that fit into L1 and L2 of an instance, and into L3.
    pub entries: [u64; 3],
}

/// From commit to every instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PropagationReport {
    /// Writes.
    pub writes: u64,
    /// Pairs of write and instance.
    pub expected: u64,
    /// Pairs that were seen.
    pub seen: u64,
    /// Within a second.
    pub within1s: u64,
    /// Within five.
    pub within5s: u64,
    /// From the sending of the write to the first sign of it, over all pairs.
    pub took: Quantiles,
    /// The same by target.
    pub by_target: Vec<Quantiles>,
    /// Pairs of a percentile and milliseconds.
    pub distribution: Vec<(f64, f64)>,
    /// From commit to application, by the stamps of the changes.
    pub stamped: Quantiles,
    /// The parts of it.
    pub parts: Vec<Part>,
    /// The sum of the parts' budgets, in milliseconds: least and most.
    pub budget_sum_ms: (f64, f64),
    /// The sum of the parts' means, in milliseconds.
    pub measured_sum_ms: f64,
    /// Resets that event streams told of.
    pub resets: u64,
    /// How often a stream showed an older version of a forecast than before.
    #[serde(default)]
    pub went_back: u64,
    /// Targets without an event stream, which were polled.
    #[serde(default)]
    pub polled: u64,
}

/// One part of the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its name, and the stamps that it lies between.
    pub name: String,
    /// What the specification gives it, in milliseconds.
    pub budget_ms: (f64, f64),
    /// What it took.
    pub took: Quantiles,
}

/// Notifications, from the sending of their requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationReport {
    /// Requests that were accepted after the warm-up.
    pub notifications: u64,
    /// Pairs of notification and channel that did not arrive, warm-up included.
    pub missing: u64,
    /// Arrivals that belong to no notification: something came twice.
    pub extra: u64,
    /// Streams of inboxes that ended before the run did.
    pub streams_lost: u64,
    /// By name: `stored` (a message is answered), each channel (events and messages, then each alone), `all devices` and `all
    /// channels` (the last of them).
    pub times: Vec<(String, Quantiles)>,
}

/// A threshold and its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Threshold {
    /// The figure.
    pub metric: String,
    /// At least.
    pub min: Option<f64>,
    /// At most.
    pub max: Option<f64>,
    /// What it is; nothing where the run has no such figure.
    pub figure: Option<f64>,
    /// Whether it holds.
    pub holds: bool,
}

/// One second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondRow {
    /// Which, from 0.
    pub second: u64,
    /// Whether it is warm-up.
    pub warm_up: bool,
    /// Arrivals due in it.
    pub due: u64,
    /// Replies in it.
    pub done: u64,
    /// Errors in it.
    pub errors: u64,
    /// 50 % from the planned time, in milliseconds.
    pub p50_ms: f64,
    /// 99 %.
    pub p99_ms: f64,
    /// The most.
    pub max_ms: f64,
    /// Replies of L1 to L4, 304s included.
    pub levels: [u64; 4],
    /// 304s.
    pub not_modified: u64,
    /// The server's memory, where it was spawned, in bytes.
    pub memory_bytes: Option<u64>,
    /// The servers' mean lag, from the commit of a change to an instance's caches, in milliseconds.
    #[serde(default)]
    pub lag_ms: Option<f64>,
}

/// The schema of a report, as JSON.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    // A schema is plain data, which always serialises.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
