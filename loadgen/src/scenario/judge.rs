//! The figures of a run, by name, and what its thresholds say of them.

use std::collections::BTreeMap;

use super::checks::Checked;
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
/// Errors that every run looks for, so that one without a counter did not happen. What breaks a guarantee is not among them:
/// that has a figure wherever it was looked for. No other name counts as 0, or a typing error would hold.
const LOOKED_FOR: [&str; 30] = [
    "error_304_of_another_version",
    "error_another_body",
    "error_cache_headers_disagree",
    "error_closed",
    "error_etag_differs",
    "error_instance_changed",
    "error_malformed",
    "error_no_cache_level",
    "error_no_cache_status",
    "error_no_connection",
    "error_no_etag",
    "error_no_instance",
    "error_no_reply_at_end",
    "error_no_version",
    "error_other",
    "error_status_400",
    "error_status_401",
    "error_status_403",
    "error_status_404",
    "error_status_409",
    "error_status_412",
    "error_status_422",
    "error_status_429",
    "error_status_500",
    "error_status_502",
    "error_status_503",
    "error_status_504",
    "error_timeout",
    "error_unasked_304",
    "error_version_not_reached",
];

/// The shares of L1 to L4 among the replies that name a tier, 304s included.
pub fn shares(levels: &LevelCounts) -> [f64; 4] {
    let answers = Level::ALL.map(|level| levels.answers(level));
    let total: u64 = answers.iter().sum();
    answers.map(|count| count as f64 / total.max(1) as f64)
}

/// Percentiles in milliseconds, with a name before them. Of nothing there are none: a 0 would be within every limit.
fn times(put: &mut dyn FnMut(&str, f64), name: &str, of: &Percentiles) {
    if of.count > 0 {
        for (which, ns) in [("p50", of.p50), ("p99", of.p99), ("p999", of.p999), ("max", of.max)] {
            put(&format!("{name}{which}_ms"), ns as f64 / NS_PER_MS);
        }
    }
}

/// All figures of a run. What was not measured has none.
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
    put("whole_errors", measured.whole_failures.values().sum::<u64>() as f64);
    put("whole_not_sent", measured.whole_not_sent as f64);
    if measured.done > 0 {
        put("error_share", errors as f64 / measured.done as f64);
    }
    for (name, count) in &measured.failures {
        put(&format!("error_{name}"), *count as f64);
    }
    let seconds = measured.elapsed_ns as f64 / 1e9 - scenario.warm_up_s;
    put("measured_s", seconds);
    put("replies_per_s", (measured.done - errors) as f64 / seconds.max(1e-9));
    times(&mut put, "", &Percentiles::of(&measured.planned));
    times(&mut put, "send_time_", &Percentiles::of(&measured.sent));
    let lateness = Percentiles::of(&measured.lateness);
    if lateness.count > 0 {
        put("lateness_p50_us", lateness.p50 as f64 / NS_PER_US);
        put("lateness_p99_us", lateness.p99 as f64 / NS_PER_US);
    }
    tiers(executed, &mut put);
    if let Some(checked) = executed.checked {
        of_checks(checked, &mut put);
    }
    propagation(executed, &mut put);
    notified(executed, &mut put);
    if let Some(processor_s) = executed.processor_s {
        put("server_cpu_us_per_request", 1e6 * processor_s / measured.whole_sent.max(1) as f64);
    }
    over_time(scenario, executed, &mut put);
    figures
}

fn tiers(executed: &Executed, put: &mut dyn FnMut(&str, f64)) {
    let levels = &executed.measured.levels;
    let observed = shares(levels);
    if observed.iter().sum::<f64>() > 0.0 {
        for (level, share) in Level::ALL.iter().zip(observed) {
            put(&format!("{}_share", level.name().to_lowercase()), share);
        }
        let not_modified: u64 = levels.not_modified.iter().sum();
        put("not_modified_share", not_modified as f64 / levels.total().max(1) as f64);
    }
    if let Some(expected) = &executed.expected {
        let off = observed.iter().zip(expected.simulated).map(|(observed, simulated)| (observed - simulated).abs());
        put("off_the_model_points", 100.0 * off.fold(0.0, f64::max));
    }
    if let Some(server) = &executed.server {
        // Whoever polls asks, too, and is none of the traffic.
        if executed.propagation.as_ref().is_none_or(|found| found.polled == 0) {
            put("accounting_difference", server.difference() as f64);
        }
        put("server_loads", server.loads as f64);
        if let Some(reduction) = server.load_reduction() {
            put("database_load_reduction", reduction);
        }
        let reads: u64 = server.seen.iter().sum();
        if server.loads > 0 {
            put("database_load_reduction_whole_run", reads as f64 / server.loads as f64);
        }
    }
}

/// By how many replies each guarantee was judged, and how many broke it; what nothing was judged by is not among them.
fn of_checks(checked: Checked, put: &mut dyn FnMut(&str, f64)) {
    for (name, count, error, broken) in [
        ("checked_monotonic", checked.monotonic, "error_went_back", checked.went_back),
        ("checked_age", checked.age, "error_older_than_5s", checked.too_old),
        ("checked_minimum", checked.minimum, "error_below_minimum_version", checked.below_minimum),
    ] {
        put(name, count as f64);
        if count > 0 {
            put(error, broken as f64);
        }
    }
}

fn propagation(executed: &Executed, put: &mut dyn FnMut(&str, f64)) {
    let Some(found) = &executed.propagation else { return };
    put("writes", found.writes as f64);
    if found.expected > 0 {
        let share = |count: u64| count as f64 / found.expected as f64;
        put("seen_share", share(found.seen));
        put("within_1s_share", share(found.within_1s));
        put("within_5s_share", share(found.within_5s));
    }
    times(put, "propagation_", &Percentiles::of(&found.took));
    for (name, part) in PART_NAMES.iter().zip(&found.parts) {
        times(put, &format!("{name}_"), &part.took);
    }
    if found.shown > 0 {
        put("stream_events", found.shown as f64);
        put("stream_went_back", found.went_back as f64);
    }
    put("polled_targets", found.polled as f64);
    put("stream_resets", found.resets as f64);
    put("streams_lost", found.streams_lost as f64);
}

fn notified(executed: &Executed, put: &mut dyn FnMut(&str, f64)) {
    let Some(found) = &executed.notified else { return };
    times(put, "stored_", &found.stored);
    for channel in &found.channels {
        times(put, &format!("{}_", channel.name), &channel.all);
        times(put, &format!("event_{}_", channel.name), &channel.events);
        times(put, &format!("message_{}_", channel.name), &channel.messages);
    }
    times(put, "all_devices_", &found.all_devices);
    times(put, "all_channels_", &found.all_channels);
    put("notifications", found.notifications as f64);
    if found.notifications > 0 {
        put("missing", found.missing as f64);
        put("extra", found.extra as f64);
    }
    put("streams_lost", found.streams_lost as f64);
}

/// The means of the second and the last quarter of a series; the first one fills caches and opens connections.
fn second_and_last_quarter(series: &[f64]) -> Option<(f64, f64)> {
    let quarter = series.len() / 4;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    (quarter > 0).then(|| (mean(&series[quarter..2 * quarter]), mean(&series[3 * quarter..])))
}

fn over_time(scenario: &Scenario, executed: &Executed, put: &mut dyn FnMut(&str, f64)) {
    let memory: Vec<f64> = executed.memory.iter().map(|bytes| *bytes as f64).collect();
    if let Some((before, after)) = second_and_last_quarter(&memory) {
        put("memory_growth", after / before.max(1.0));
        put("memory_max_mb", memory.iter().copied().fold(0.0, f64::max) / 1e6);
    }
    let lags: Vec<f64> = executed.lag_ms.iter().copied().flatten().collect();
    if let Some((before, after)) = second_and_last_quarter(&lags) {
        put("lag_climb_ms", after - before);
        put("lag_max_ms", lags.iter().copied().fold(0.0, f64::max));
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
        let is_counted = figures.contains_key("errors") && LOOKED_FOR.contains(&bound.metric.as_str());
        let none = is_counted.then_some(0.0);
        let figure = figures.get(&bound.metric).copied().or(none);
        let above = |figure: f64| bound.min.is_none_or(|min| figure >= min);
        let below = |figure: f64| bound.max.is_none_or(|max| figure <= max);
        let holds = figure.is_some_and(|figure| figure.is_finite() && above(figure) && below(figure));
        Judged { bound: bound.clone(), figure, holds }
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(metric: &str) -> Bound {
        Bound { metric: metric.to_owned(), min: None, max: Some(0.0) }
    }

    #[test]
    fn a_name_that_nothing_counts_does_not_hold() {
        let mut scenario = super::super::builtin::load("mixed").unwrap();
        scenario.thresholds = ["error_timeout", "error_wnet_back", "error_went_back"].map(bound).to_vec();
        let holds = |figures: &Figures| judge(&scenario, figures).iter().map(|judged| judged.holds).collect::<Vec<_>>();
        let mut figures = Figures::from([("errors".to_owned(), 0.0)]);
        assert_eq!(holds(&figures), [true, false, false], "what breaks a guarantee must have been looked for");
        figures.insert("error_went_back".to_owned(), 0.0);
        assert_eq!(holds(&figures), [true, false, true]);
        assert_eq!(holds(&Figures::new()), [false; 3]);
    }

    #[test]
    fn of_nothing_there_are_no_times() {
        let mut figures = Figures::new();
        let mut put = |name: &str, value: f64| figures.extend([(name.to_owned(), value)]);
        times(&mut put, "bus_", &Percentiles::default());
        times(&mut put, "pub_sub_", &Percentiles { count: 1, p99: 2_000_000, ..Percentiles::default() });
        assert_eq!(
            figures.keys().collect::<Vec<_>>(),
            ["pub_sub_max_ms", "pub_sub_p50_ms", "pub_sub_p999_ms", "pub_sub_p99_ms"]
        );
        assert_eq!(figures["pub_sub_p99_ms"], 2.0);
    }

    #[test]
    fn what_climbs_is_seen_and_a_start_is_not() {
        assert_eq!(second_and_last_quarter(&[9.0, 2.0, 2.0, 2.0]), Some((2.0, 2.0)));
        assert_eq!(second_and_last_quarter(&[9.0, 9.0, 2.0, 2.0, 20.0, 40.0, 60.0, 80.0, 80.0]).unwrap().0, 2.0);
        assert_eq!(second_and_last_quarter(&[1.0, 2.0, 3.0]), None, "too short to say");
    }

    #[test]
    fn a_guarantee_that_nothing_was_judged_by_has_no_count_of_errors() {
        let checked = crate::scenario::Checked { monotonic: 5, ..Default::default() };
        let mut figures = Figures::new();
        of_checks(checked, &mut |name: &str, value: f64| figures.extend([(name.to_owned(), value)]));
        assert_eq!(figures.get("error_went_back"), Some(&0.0));
        assert_eq!((figures.get("checked_age"), figures.get("error_older_than_5s")), (Some(&0.0), None));
    }
}
