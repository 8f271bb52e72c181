//! The summary on the terminal.

use std::fmt::Write as _;

use super::junit::wording;
use super::types::{Quantiles, Report};

fn line(text: &mut String, name: &str, q: &Quantiles) {
    let _ = writeln!(
        text,
        "  {name:<22} p50 {:>9.3}  p90 {:>9.3}  p99 {:>9.3}  p99.9 {:>9.3}  max {:>9.3} ms",
        q.p50, q.p90, q.p99, q.p999, q.max
    );
}

/// The summary.
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "\n{}: {} due, {} answered, {} not sent, {} errors, {:.0} replies/s",
        report.scenario,
        report.due,
        report.done,
        report.not_sent,
        report.errors.total,
        report.figures.get("replies_per_s").copied().unwrap_or_default()
    );
    for (name, count) in &report.errors.by_name {
        let _ = writeln!(text, "  error {name}: {count}");
    }
    line(&mut text, "from the planned time", &report.latency.planned);
    line(&mut text, "from the sending", &report.latency.sent);
    line(&mut text, "generator's lateness", &report.latency.lateness);
    let percent = |shares: &[f64; 4]| shares.map(|share| format!("{:6.2}", share * 100.0)).join(" ");
    let _ = writeln!(text, "  L1 L2 L3 L4 (%)        {}", percent(&report.levels.shares));
    if let Some(model) = &report.model {
        let _ = writeln!(text, "  simulated              {}", percent(&model.simulated));
        let _ = writeln!(text, "  closed form            {}", percent(&model.ideal));
    }
    if let Some(server) = &report.server_counts {
        let _ = writeln!(
            text,
            "  accounting             client {:?}, server {:?}, 304s {} and {}; difference {}; {} loads from the store",
            server.seen, server.answers, server.seen_not_modified, server.not_modified, server.difference, server.loads
        );
    }
    if let Some(found) = &report.propagation {
        line(&mut text, "write to every instance", &found.took);
        let _ = writeln!(
            text,
            "  {} writes; pairs of write and instance: {} of {} seen, {} within 1 s, {} within 5 s",
            found.writes, found.seen, found.expected, found.within1s, found.within5s
        );
    }
    for note in &report.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    text.push('\n');
    for threshold in &report.thresholds {
        let mark = if threshold.holds { "pass" } else { "FAIL" };
        let is = threshold.figure.map_or_else(|| "no such figure in this run".to_owned(), |is| format!("{is:.4}"));
        let _ = writeln!(text, "  {mark}  {} {} ({is})", threshold.metric, wording(threshold));
    }
    if let Some(reason) = &report.aborted {
        let _ = writeln!(text, "  FAIL  ended early: {reason}");
    }
    let _ = writeln!(text, "{}", if report.passed { "passed" } else { "NOT passed" });
    text
}
