//! The figures of a run, by name, and what its thresholds say of them.

use std::collections::BTreeMap;

use super::execute::Executed;
use super::file::{Bound, Kind, Scenario};
use crate::engine::{LevelCounts, Percentiles};
use crate::http::Level;

/// Figures by name.
pub type Figures = BTreeMap<String, f64>;

const NS_PER_MS: f64 = 1e6;
const NS_PER_US: f64 = 1e3;
/// What the parts of the specification's budget are called among the figures, in their order.
const PART_NAMES: [&str; 5] = ["detection", "polling_to_bus", "bus", "pub_sub", "processing"];

/// The shares of L1 to L4 among the replies that name a tier, 304s included.
pub fn shares(levels: &LevelCounts) -> [f64; 4] {
    let answers = Level::ALL.map(|level| levels.answers(level));
    let total: u64 = answers.iter().sum();
    answers.map(|count| count as f64 / total.max(1) as f64)
}

/// All figures of a run.
pub fn figures(scenario: &Scenario, executed: &Executed) -> Figures {
    let mut figures = Figures::new();
    let mut put = |name: &str, value: f64| {
        figures.insert(name.to_owned(), value);
    };
    let measured = &executed.measured;
    let errors: u64 = measured.failures.values().sum();
    put("due", measured.due as f64);
    put("done", measured.done as f64);
    put("not_sent", measured.not_sent as f64);
    put("whole_sent", measured.whole_sent as f64);
    put("errors", errors as f64);
    put("error_share", errors as f64 / measured.done.max(1) as f64);
    for (name, count) in &measured.failures {
        put(&format!("error_{name}"), *count as f64);
    }
    let seconds = measured.elapsed_ns as f64 / 1e9 - scenario.warm_up_s;
    put("replies_per_s", (measured.done - errors) as f64 / seconds.max(1e-9));
    let (planned, sent) = (Percentiles::of(&measured.planned), Percentiles::of(&measured.sent));
    for (name, of) in [("", &planned), ("send_time_", &sent)] {
        put(&format!("{name}p50_ms"), of.p50 as f64 / NS_PER_MS);
        put(&format!("{name}p99_ms"), of.p99 as f64 / NS_PER_MS);
        put(&format!("{name}p999_ms"), of.p999 as f64 / NS_PER_MS);
        put(&format!("{name}max_ms"), of.max as f64 / NS_PER_MS);
    }
    let lateness = Percentiles::of(&measured.lateness);
    put("lateness_p50_us", lateness.p50 as f64 / NS_PER_US);
    put("lateness_p99_us", lateness.p99 as f64 / NS_PER_US);
    let observed = shares(&measured.levels);
    for (level, share) in Level::ALL.iter().zip(observed) {
        put(&format!("{}_share", level.name().to_lowercase()), share);
    }
    let not_modified: u64 = measured.levels.not_modified.iter().sum();
    put("not_modified_share", not_modified as f64 / measured.levels.total().max(1) as f64);
    if observed[3] > 0.0 {
        put("database_load_reduction", 1.0 / observed[3]);
    }
    tiers(executed, observed, &mut put);
    propagation(executed, &mut put);
    notified(executed, &mut put);
    if let Some(processor_s) = executed.processor_s {
        put("server_cpu_us_per_request", 1e6 * processor_s / measured.whole_sent.max(1) as f64);
    }
    over_time(scenario, executed, &mut put);
    figures
}

fn tiers(executed: &Executed, observed: [f64; 4], put: &mut dyn FnMut(&str, f64)) {
    if let Some(expected) = &executed.expected {
        let off = observed.iter().zip(expected.simulated).map(|(observed, simulated)| (observed - simulated).abs());
        put("off_the_model_points", 100.0 * off.fold(0.0, f64::max));
    }
    if let Some(server) = &executed.server {
        put("accounting_difference", server.difference() as f64);
        put("server_loads", server.loads as f64);
        let reads: u64 = server.seen.iter().sum();
        if server.loads > 0 {
            put("database_load_reduction_whole_run", reads as f64 / server.loads as f64);
        }
    }
}

fn propagation(executed: &Executed, put: &mut dyn FnMut(&str, f64)) {
    let Some(found) = &executed.propagation else { return };
    let share = |count: u64| count as f64 / found.expected.max(1) as f64;
    put("writes", found.writes as f64);
    put("seen_share", share(found.seen));
    put("within_1s_share", share(found.within_1s));
    put("within_5s_share", share(found.within_5s));
    let took = Percentiles::of(&found.took);
    put("propagation_p50_ms", took.p50 as f64 / NS_PER_MS);
    put("propagation_p99_ms", took.p99 as f64 / NS_PER_MS);
    put("propagation_max_ms", took.max as f64 / NS_PER_MS);
    for (name, part) in PART_NAMES.iter().zip(&found.parts) {
        put(&format!("{name}_p50_ms"), part.took.p50 as f64 / NS_PER_MS);
        put(&format!("{name}_p99_ms"), part.took.p99 as f64 / NS_PER_MS);
    }
    put("stream_resets", found.resets as f64);
    put("streams_lost", found.streams_lost as f64);
}

fn notified(executed: &Executed, put: &mut dyn FnMut(&str, f64)) {
    let Some(found) = &executed.notified else { return };
    let mut times = |name: &str, of: &Percentiles| {
        if of.count > 0 {
            put(&format!("{name}_p50_ms"), of.p50 as f64 / NS_PER_MS);
            put(&format!("{name}_p99_ms"), of.p99 as f64 / NS_PER_MS);
            put(&format!("{name}_max_ms"), of.max as f64 / NS_PER_MS);
        }
    };
    times("stored", &found.stored);
    for channel in &found.channels {
        times(channel.name, &channel.all);
        times(&format!("event_{}", channel.name), &channel.events);
        times(&format!("message_{}", channel.name), &channel.messages);
    }
    times("all_devices", &found.all_devices);
    times("all_channels", &found.all_channels);
    put("notifications", found.notifications as f64);
    put("missing", found.missing as f64);
    put("extra", found.extra as f64);
    put("streams_lost", found.streams_lost as f64);
}

fn over_time(scenario: &Scenario, executed: &Executed, put: &mut dyn FnMut(&str, f64)) {
    let memory = &executed.memory;
    if memory.len() >= 4 {
        let quarter = memory.len() / 4;
        let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len().max(1) as f64;
        // The first quarter fills the caches.
        put("memory_growth", mean(&memory[3 * quarter..]) / mean(&memory[quarter..2 * quarter]).max(1.0));
        put("memory_max_mb", memory.iter().copied().max().unwrap_or(0) as f64 / 1e6);
    }
    if scenario.kind == Kind::Stampede
        && let Some(server) = &executed.server
    {
        let bursts: u32 = scenario.stages.iter().map(|stage| stage.times.unwrap_or(1)).sum();
        put("bursts", f64::from(bursts));
        let instances = executed.measured.whole_levels.len().max(1) as f64;
        put("loads_per_burst_and_instance", server.loads as f64 / (f64::from(bursts.max(1)) * instances));
    }
    if let Some(stall) = scenario.stall {
        let end = (stall.at_s + stall.seconds).ceil() as usize;
        let is_well = |second: &crate::engine::Second| {
            second.failed == 0 && second.done * 10 >= second.due * 9 && second.planned.p50 < 100_000_000
        };
        let healthy = executed.measured.seconds.iter().skip(end).position(is_well);
        put("recovered_after_s", healthy.map_or(f64::from(u16::MAX), |seconds| seconds as f64));
    }
}

/// A threshold, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The threshold.
    pub bound: Bound,
    /// The figure; nothing where the run has none of this name.
    pub figure: Option<f64>,
    /// Whether it holds.
    pub holds: bool,
}

/// Judges a run. A threshold on a figure that the run does not have does not hold.
pub fn judge(scenario: &Scenario, figures: &Figures) -> Vec<Judged> {
    let judged = scenario.thresholds.iter().map(|bound| {
        // An error that did not happen has no counter.
        let none = bound.metric.starts_with("error_").then_some(0.0);
        let figure = figures.get(&bound.metric).copied().or(none);
        let above = |figure: f64| bound.min.is_none_or(|min| figure >= min);
        let below = |figure: f64| bound.max.is_none_or(|max| figure <= max);
        let holds = figure.is_some_and(|figure| figure.is_finite() && above(figure) && below(figure));
        Judged { bound: bound.clone(), figure, holds }
    });
    judged.collect()
}
