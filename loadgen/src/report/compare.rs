//! Two reports side by side.

use std::fmt::Write as _;

use super::types::Report;

/// By how much a figure of time may differ between two runs of the same thing on a noisy machine.
const NOISE: f64 = 0.2;
/// By how much any other may.
const NOISE_OF_COUNTS: f64 = 0.01;

/// What became of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Within the noise.
    Same,
    /// Better by more than that.
    Better,
    /// Worse.
    Worse,
    /// Different, and neither is better.
    Other,
}

/// One figure of both.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// In the first report.
    pub before: Option<f64>,
    /// In the second.
    pub after: Option<f64>,
    /// What became of it.
    pub direction: Direction,
}

/// `Some(true)`: less is better. By the names that [`crate::scenario::figures`] gives.
fn less_is_better(name: &str) -> Option<bool> {
    // A difference of two times is around 0, where no share of it is noise.
    if name == "lag_climb_ms" {
        return None;
    }
    let is_time = name.ends_with("_ms") || name.ends_with("_us");
    if is_time
        || name.starts_with("error")
        || name == "errors"
        || name == "not_sent"
        || name.starts_with("off_the_model")
    {
        return Some(true);
    }
    if name == "accounting_difference"
        || name == "memory_growth"
        || name == "whole_errors"
        || name == "whole_not_sent"
        || name == "recovered_after_s"
        || name == "stream_went_back"
        || name == "missing"
        || name == "extra"
        || name == "server_cpu_us_per_request"
        || name == "loads_per_burst_and_instance"
    {
        return Some(true);
    }
    let more = name.starts_with("within_") || name.starts_with("database_load_reduction") || name == "replies_per_s";
    (more || name == "l1_share" || name == "seen_share").then_some(false)
}

/// All figures of two reports.
pub fn compare(before: &Report, after: &Report) -> Vec<Change> {
    let names: std::collections::BTreeSet<_> = before.figures.keys().chain(after.figures.keys()).collect();
    let change = |name: &String| {
        let (a, b) = (before.figures.get(name).copied(), after.figures.get(name).copied());
        Change { name: name.clone(), before: a, after: b, direction: direction(name, a, b) }
    };
    names.into_iter().map(change).collect()
}

fn direction(name: &str, before: Option<f64>, after: Option<f64>) -> Direction {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        // An error that did not happen has no figure.
        (None, Some(after)) if name.starts_with("error_") => (0.0, after),
        (Some(before), None) if name.starts_with("error_") => (before, 0.0),
        _ => return Direction::Other,
    };
    let is_time = name.ends_with("_ms") || name.ends_with("_us");
    let noise = if is_time || name.starts_with("memory") { NOISE } else { NOISE_OF_COUNTS };
    if (after - before).abs() <= noise * before.abs().max(after.abs()) {
        return Direction::Same;
    }
    match less_is_better(name) {
        Some(less) if less == (after < before) => Direction::Better,
        Some(_) => Direction::Worse,
        None => Direction::Other,
    }
}

/// A table for people, with a verdict: better, worse, mixed or the same.
pub fn render(before: &Report, after: &Report, changes: &[Change]) -> String {
    let name = |report: &Report| format!("{} {}", report.git_ref.as_deref().unwrap_or("no commit"), report.started_at);
    let mut text = format!("{}: {}  ->  {}\n\n", after.scenario, name(before), name(after));
    if before.scenario_text != after.scenario_text {
        text.push_str("The scenarios differ: read the figures with that in mind.\n\n");
    }
    if before.machine.cpu != after.machine.cpu || before.machine.cpus != after.machine.cpus {
        text.push_str("The machines differ: times cannot be compared.\n\n");
    }
    for change in changes {
        let show = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        let mark = match change.direction {
            Direction::Same => "",
            Direction::Better => "better",
            Direction::Worse => "WORSE",
            Direction::Other => "differs",
        };
        let line = format!("{:<36} {:>16} {:>16}  {mark}", change.name, show(change.before), show(change.after));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let any = |direction| changes.iter().any(|change| change.direction == direction);
    let verdict = match (any(Direction::Better), any(Direction::Worse)) {
        (true, true) => "mixed",
        (true, false) => "better",
        (false, true) => "worse",
        (false, false) => "the same",
    };
    let _ = writeln!(
        text,
        "\nVerdict: {verdict} (times within {:.0} %, other figures within {:.0} % count as the same)",
        NOISE * 100.0,
        NOISE_OF_COUNTS * 100.0
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_no_change_and_more_is_not_always_better() {
        let of = |name, before, after| direction(name, Some(before), Some(after));
        assert_eq!(of("p99_ms", 10.0, 11.0), Direction::Same);
        assert_eq!(of("p99_ms", 10.0, 20.0), Direction::Worse);
        assert_eq!(of("p99_ms", 20.0, 10.0), Direction::Better);
        assert_eq!(of("l1_share", 0.75, 0.70), Direction::Worse);
        assert_eq!(of("due", 1.0, 2.0), Direction::Other);
        assert_eq!(of("lag_climb_ms", -0.3, 0.3), Direction::Other);
        assert_eq!(direction("error_went_back", None, Some(1.0)), Direction::Worse);
        assert_eq!(direction("p99_ms", None, Some(1.0)), Direction::Other);
    }
}
