//! From what was measured to the report.

use std::path::Path;

use hdrhistogram::Histogram;
use origin::{Machine, git_ref};

use super::types::{
    Errors, Latency, Levels, Model, NotificationReport, Part, PropagationReport, Quantiles, Report, SCHEMA_VERSION,
    SecondRow, ServerCounts, Threshold,
};
use crate::engine::{Measured, Percentiles, Second};
use crate::http::Level;
use crate::scenario::{
    Executed, Expected, Judged, Notified, Propagation, Scenario, ServerSide, figures, judge, shares,
};
use crate::target::{Preflight, Targets};

/// Percentiles of the distribution curves.
const CURVE: [f64; 16] =
    [0.0, 10.0, 25.0, 50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99, 100.0];
const NS_PER_MS: f64 = 1e6;
/// Figures that mean something only where all traffic is ours and the sizes are those that the scenario states.
const OWN_SERVER_ONLY: [&str; 7] = [
    "accounting_difference",
    "off_the_model_points",
    "l1_share",
    "l2_share",
    "l3_share",
    "l4_share",
    "database_load_reduction",
];

/// What a report says of its run beside the figures.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The command, without secrets.
    pub command: String,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// The machine, as it was before the run.
    pub machine: Machine,
    /// The server's version, where it was spawned.
    pub server: Option<String>,
}

/// The report of a run.
pub fn build(
    scenario: &Scenario,
    executed: &Executed,
    targets: &Targets,
    preflight: &Preflight,
    circumstances: Circumstances,
) -> Report {
    let measured = &executed.measured;
    let figures = figures(scenario, executed);
    let is_judged = |judged: &&Judged| targets.is_ours || !OWN_SERVER_ONLY.contains(&judged.bound.metric.as_str());
    let judged = judge(scenario, &figures);
    let thresholds: Vec<_> = judged.iter().filter(is_judged).map(threshold).collect();
    let passed = measured.aborted.is_none() && measured.done > 0 && thresholds.iter().all(|threshold| threshold.holds);
    Report {
        schema_version: SCHEMA_VERSION,
        tool: concat!("loadgen ", env!("CARGO_PKG_VERSION")).to_owned(),
        scenario: scenario.name.clone(),
        kind: scenario.kind.name().to_owned(),
        about: scenario.about.clone(),
        passed,
        aborted: measured.aborted.clone(),
        started_at: circumstances.started_at.to_string(),
        elapsed_s: measured.elapsed_ns as f64 / 1e9,
        warm_up_s: scenario.warm_up_s,
        git_ref: git_ref(Path::new(".")),
        command: circumstances.command,
        machine: circumstances.machine,
        server: circumstances.server,
        targets: targets.api.iter().map(ToString::to_string).collect(),
        instances: preflight.instances.clone(),
        exclusive: targets.is_ours,
        scenario_text: toml::to_string(scenario).unwrap_or_default(),
        population: executed.population as u64,
        due: measured.due,
        done: measured.done,
        not_sent: measured.not_sent,
        whole_sent: measured.whole_sent,
        latency: latency(measured),
        levels: Levels {
            ok: measured.levels.good,
            not_modified: measured.levels.not_modified,
            unnamed: measured.levels.unnamed,
            shares: shares(&measured.levels),
        },
        errors: Errors { total: measured.failures.values().sum(), by_name: measured.failures.clone() },
        server_counts: executed.server.as_ref().map(server_counts),
        model: executed.expected.as_ref().map(model),
        propagation: executed.propagation.as_ref().map(propagation),
        notifications: executed.notified.as_ref().map(notifications),
        figures,
        thresholds,
        seconds: seconds(scenario, executed),
        notes: notes(executed, targets, preflight),
    }
}

fn notes(executed: &Executed, targets: &Targets, preflight: &Preflight) -> Vec<String> {
    let mut notes = [preflight.notes.clone(), executed.notes.clone()].concat();
    if !targets.is_ours {
        notes
            .push("the target was not started for this run: other traffic makes the accounting approximate, and its caches are not those that the scenario states: no threshold is on either".to_owned());
    }
    if targets.internal.is_empty() {
        notes.push("the server's own counters were not read: name them with --metrics".to_owned());
    }
    notes
}

fn threshold(judged: &Judged) -> Threshold {
    Threshold {
        metric: judged.bound.metric.clone(),
        min: judged.bound.min,
        max: judged.bound.max,
        figure: judged.figure,
        holds: judged.holds,
    }
}

fn quantiles(of: &Percentiles) -> Quantiles {
    let ms = |ns: u64| ns as f64 / NS_PER_MS;
    Quantiles {
        count: of.count,
        min: ms(of.min),
        mean: of.mean / NS_PER_MS,
        p50: ms(of.p50),
        p75: ms(of.p75),
        p90: ms(of.p90),
        p99: ms(of.p99),
        p999: ms(of.p999),
        max: ms(of.max),
    }
}

fn curve(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    if histogram.is_empty() {
        return Vec::new();
    }
    CURVE.map(|at| (at, histogram.value_at_percentile(at) as f64 / NS_PER_MS)).to_vec()
}

fn latency(measured: &Measured) -> Latency {
    let of = |histogram| quantiles(&Percentiles::of(histogram));
    let kinds = measured.kinds.iter().filter(|(_, histogram)| !histogram.is_empty());
    Latency {
        planned: of(&measured.planned),
        sent: of(&measured.sent),
        lateness: of(&measured.lateness),
        kinds: kinds.map(|(name, histogram)| ((*name).to_owned(), of(histogram))).collect(),
        distribution: curve(&measured.planned),
    }
}

fn server_counts(server: &ServerSide) -> ServerCounts {
    ServerCounts {
        answers: server.answers,
        seen: server.seen,
        not_modified: server.not_modified,
        seen_not_modified: server.seen_not_modified,
        loads: server.loads,
        joins: server.joins,
        since_warm: server.since_warm,
        entries: server.entries,
        difference: server.difference(),
        unanswered: server.unanswered,
        requests: server.requests.clone(),
        sent: server.sent.clone(),
    }
}

fn model(expected: &Expected) -> Model {
    let entries = expected.entries.map(|count| count as u64);
    Model { simulated: expected.simulated, ideal: expected.ideal, entries }
}

fn notifications(found: &Notified) -> NotificationReport {
    let mut times = vec![("stored".to_owned(), quantiles(&found.stored))];
    for channel in &found.channels {
        times.push((channel.name.to_owned(), quantiles(&channel.all)));
        times.push((format!("{}, events", channel.name), quantiles(&channel.events)));
        times.push((format!("{}, messages", channel.name), quantiles(&channel.messages)));
    }
    times.push(("all devices".to_owned(), quantiles(&found.all_devices)));
    times.push(("all channels".to_owned(), quantiles(&found.all_channels)));
    NotificationReport {
        notifications: found.notifications,
        missing: found.missing,
        extra: found.extra,
        streams_lost: found.streams_lost,
        times,
    }
}

fn propagation(found: &Propagation) -> PropagationReport {
    let part = |part: &crate::scenario::Part| Part {
        name: part.name.to_owned(),
        budget_ms: part.budget_ms,
        took: quantiles(&part.took),
    };
    let sum = |budget: &dyn Fn(&crate::scenario::Part) -> f64| found.parts.iter().map(budget).sum();
    PropagationReport {
        writes: found.writes,
        expected: found.expected,
        seen: found.seen,
        within1s: found.within_1s,
        within5s: found.within_5s,
        took: quantiles(&Percentiles::of(&found.took)),
        by_target: found.by_target.iter().map(quantiles).collect(),
        distribution: curve(&found.took),
        stamped: quantiles(&found.stamped),
        parts: found.parts.iter().map(part).collect(),
        budget_sum_ms: (sum(&|part| part.budget_ms.0), sum(&|part| part.budget_ms.1)),
        measured_sum_ms: sum(&|part| part.took.mean / NS_PER_MS),
        resets: found.resets,
        went_back: found.went_back,
        polled: found.polled,
    }
}

fn seconds(scenario: &Scenario, executed: &Executed) -> Vec<SecondRow> {
    let row = |(number, second): (usize, &Second)| SecondRow {
        second: number as u64,
        warm_up: (number as f64) < scenario.warm_up_s,
        due: second.due,
        done: second.done,
        errors: second.failed,
        p50_ms: second.planned.p50 as f64 / NS_PER_MS,
        p99_ms: second.planned.p99 as f64 / NS_PER_MS,
        max_ms: second.planned.max as f64 / NS_PER_MS,
        levels: Level::ALL.map(|level| second.levels.answers(level)),
        not_modified: second.levels.not_modified.iter().sum(),
        memory_bytes: executed.memory.get(number).copied(),
        lag_ms: executed.lag_ms.get(number).copied().flatten(),
    };
    executed.measured.seconds.iter().enumerate().map(row).collect()
}
