//! The report as one page: no network, no script, readable as it is.

use std::fmt::Write as _;

use super::junit::{escape, wording};
use super::svg::{Axes, Series, lines, stacked};
use super::types::{Quantiles, Report, SecondRow};

const STYLE: &str = include_str!("page.css");
const LEVELS: [&str; 4] = ["L1", "L2", "L3", "L4"];

/// The page.
pub fn page(report: &Report) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{0}: {1}</title><style>{STYLE}</style></head><body><main>\n\
         <header><h1>{0} <span class=\"{2}\">{1}</span></h1><p>{3}</p></header>\n",
        escape(&report.scenario),
        if report.passed { "passed" } else { "not passed" },
        if report.passed { "good" } else { "bad" },
        escape(&report.about)
    );
    if let Some(reason) = &report.aborted {
        let _ = write!(html, "<p class=\"banner\">Ended before its plan was: {}</p>", escape(reason));
    }
    html.push_str(&headline(report));
    html.push_str(&verdicts(report));
    html.push_str(&tiers(report));
    html.push_str(&latency(report));
    html.push_str(&propagation(report));
    html.push_str(&notifications(report));
    html.push_str(&over_time(report));
    html.push_str(&errors(report));
    html.push_str(&facts(report));
    html.push_str("</main></body></html>\n");
    html
}

fn section(title: &str, body: &str) -> String {
    format!("<section><h2>{title}</h2>{body}</section>\n")
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = String>| {
        cells.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect::<String>()
    };
    let head = cells("th", &mut head.iter().map(|text| escape(text)));
    let body: String = rows.iter().map(|row| format!("<tr>{}</tr>", cells("td", &mut row.iter().cloned()))).collect();
    format!("<div class=\"wide\"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")
}

fn headline(report: &Report) -> String {
    let figure = |name: &str| report.figures.get(name).copied();
    let mut tiles = vec![
        ("answered".to_owned(), report.done.to_string()),
        ("replies per second".to_owned(), format!("{:.0}", figure("replies_per_s").unwrap_or_default())),
        ("errors".to_owned(), report.errors.total.to_string()),
        ("not sent".to_owned(), report.not_sent.to_string()),
        ("p50".to_owned(), format!("{:.2} ms", report.latency.planned.p50)),
        ("p99".to_owned(), format!("{:.2} ms", report.latency.planned.p99)),
    ];
    if let Some(reduction) = figure("database_load_reduction").filter(|_| report.model.is_some()) {
        tiles.push(("less load on the database".to_owned(), format!("{reduction:.1} x")));
    }
    if let Some(p99) = figure("all_channels_p99_ms") {
        tiles.push(("request to every channel, p99".to_owned(), format!("{p99:.1} ms")));
    }
    if let Some(found) = &report.propagation {
        tiles.push(("write to every instance, p99".to_owned(), format!("{:.1} ms", found.took.p99)));
    }
    let tiles: String = tiles
        .iter()
        .map(|(name, value)| format!("<div class=\"tile\"><b>{}</b><span>{}</span></div>", escape(value), escape(name)))
        .collect();
    format!("<div class=\"tiles\">{tiles}</div>\n")
}

fn verdicts(report: &Report) -> String {
    let rows: Vec<_> = report
        .thresholds
        .iter()
        .map(|threshold| {
            let (class, word) = if threshold.holds { ("good", "holds") } else { ("bad", "missed") };
            let figure = threshold.figure.map_or_else(|| "none".to_owned(), |figure| format!("{figure:.4}"));
            let verdict = format!("<span class=\"{class}\">{word}</span>");
            vec![escape(&threshold.metric), escape(&wording(threshold)), figure, verdict]
        })
        .collect();
    section("Verdict", &table(&["figure", "must be", "is", ""], &rows))
}

fn tiers(report: &Report) -> String {
    if report.levels.shares.iter().all(|share| *share == 0.0) {
        return String::new();
    }
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let mut rows = Vec::new();
    for (at, name) in LEVELS.iter().enumerate() {
        let mut row = vec![
            (*name).to_owned(),
            report.levels.ok[at].to_string(),
            report.levels.not_modified[at].to_string(),
            percent(report.levels.shares[at]),
        ];
        if let Some(model) = &report.model {
            row.extend([percent(model.simulated[at]), percent(model.ideal[at])]);
        }
        if let Some(server) = &report.server_counts {
            row.extend([server.seen[at].to_string(), server.answers[at].to_string()]);
        }
        rows.push(row);
    }
    let mut head = vec!["tier", "200", "304", "share"];
    if report.model.is_some() {
        head.extend(["exact simulation", "closed form (ideal tiers)"]);
    }
    if report.server_counts.is_some() {
        head.extend(["whole run: client", "whole run: server"]);
    }
    let mut body = table(&head, &rows);
    if let Some(server) = &report.server_counts {
        let _ = write!(
            body,
            "<p>Over the whole run, warm-up included, client and server disagree by <b>{}</b> answers (tiers and 304s: {} \
             and {}); {} requests had no answer. Fills read {} rows from the store; {} reads waited for another's fill.</p>",
            server.difference,
            server.seen_not_modified,
            server.not_modified,
            server.unanswered,
            server.loads,
            server.joins
        );
    }
    if let Some(model) = &report.model {
        let [l1, l2, l3] = model.entries;
        let _ = write!(
            body,
            "<p>By the stated sizes L1 holds {l1} and L2 {l2} forecasts in each instance, L3 {l3}, of {}.</p>",
            report.population
        );
    }
    let layer = |at: usize| Series {
        name: LEVELS[at],
        class: ["c1", "c2", "c3", "c4"][at],
        points: by_second(report, |row| {
            let total: u64 = row.levels.iter().sum();
            (total > 0).then(|| 100.0 * row.levels[at] as f64 / total as f64)
        }),
    };
    body.push_str(&stacked(&time_axes(report, "Share of each tier over time", "%"), &[0, 1, 2, 3].map(layer)));
    section("Tiers", &body)
}

fn by_second(report: &Report, value: impl Fn(&SecondRow) -> Option<f64>) -> Vec<(f64, f64)> {
    // The last second is only begun.
    let whole = report.elapsed_s as usize;
    report.seconds.iter().take(whole).filter_map(|row| Some((row.second as f64, value(row)?))).collect()
}

fn time_axes<'a>(report: &Report, title: &'a str, y_name: &'a str) -> Axes<'a> {
    let shaded_to = (report.warm_up_s > 0.0).then_some(report.warm_up_s);
    Axes { title, x_name: "seconds (shaded: warm-up)", y_name, logarithmic: false, x_labels: Vec::new(), shaded_to }
}

fn quantile_row(name: &str, q: &Quantiles) -> Vec<String> {
    let values = [q.min, q.mean, q.p50, q.p75, q.p90, q.p99, q.p999, q.max].map(|ms| format!("{ms:.3}"));
    [vec![escape(name), q.count.to_string()], values.to_vec()].concat()
}

const QUANTILES: [&str; 10] = ["ms", "count", "min", "mean", "p50", "p75", "p90", "p99", "p99.9", "max"];

/// A distribution with its tail stretched: each nine takes as much room.
fn distribution(title: &str, name: &str, curve: &[(f64, f64)]) -> String {
    let place = |percent: f64| -(1.0 - percent.min(99.995) / 100.0).log10();
    let labels = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99].map(|at| (place(at), format!("{at} %"))).to_vec();
    let axes =
        Axes { title, x_name: "share of requests", y_name: "ms", logarithmic: true, x_labels: labels, shaded_to: None };
    let points = curve.iter().filter(|(at, _)| *at < 100.0).map(|(at, ms)| (place(*at), *ms)).collect();
    lines(&axes, &[Series { name, class: "c1", points }])
}

fn latency(report: &Report) -> String {
    let mut rows = vec![
        quantile_row("from the planned time", &report.latency.planned),
        quantile_row("from the sending (what a closed loop would show)", &report.latency.sent),
        quantile_row("the generator's own lateness", &report.latency.lateness),
    ];
    rows.extend(report.latency.kinds.iter().map(|(name, quantiles)| quantile_row(name, quantiles)));
    let mut body = table(&QUANTILES, &rows);
    body.push_str(&distribution("Latency from the planned time", "all requests", &report.latency.distribution));
    let line = |name, class, value: fn(&SecondRow) -> f64| Series {
        name,
        class,
        points: by_second(report, |row| (row.done > row.errors).then(|| value(row))),
    };
    let series =
        [line("p50", "c1", |row| row.p50_ms), line("p99", "c2", |row| row.p99_ms), line("max", "c4", |row| row.max_ms)];
    let axes = Axes { logarithmic: true, ..time_axes(report, "Latency over time", "ms") };
    body.push_str(&lines(&axes, &series));
    section("Latency", &body)
}

fn notifications(report: &Report) -> String {
    let Some(found) = &report.notifications else { return String::new() };
    let mut body = format!(
        "<p>{} notifications after the warm-up, from the sending of the request; {} did not arrive on a channel, {} arrivals \
         belong to none, {} streams of inboxes were lost.</p>",
        found.notifications, found.missing, found.extra, found.streams_lost
    );
    let rows: Vec<_> = found.times.iter().map(|(name, times)| quantile_row(name, times)).collect();
    body.push_str(&table(&QUANTILES, &rows));
    section("Channels", &body)
}

fn propagation(report: &Report) -> String {
    let Some(found) = &report.propagation else { return String::new() };
    let mut rows = vec![quantile_row("sent to seen, all instances", &found.took)];
    for (number, quantiles) in found.by_target.iter().enumerate() {
        let name = report.instances.get(number).map_or_else(|| format!("instance {number}"), Clone::clone);
        rows.push(quantile_row(&name, quantiles));
    }
    rows.push(quantile_row("committed to applied, by the stamps", &found.stamped));
    let mut body = format!(
        "<p>{} writes, {} pairs of write and instance: {} seen, {} within 1 s, {} within 5 s; {} resets of event streams.</p>",
        found.writes, found.expected, found.seen, found.within1s, found.within5s, found.resets
    );
    body.push_str(&table(&QUANTILES, &rows));
    body.push_str(&distribution("From a write to every instance", "write and instance", &found.distribution));
    let mut rows: Vec<_> = found
        .parts
        .iter()
        .map(|part| {
            let (least, most) = part.budget_ms;
            let took = [part.took.mean, part.took.p50, part.took.p99, part.took.max].map(|ms| format!("{ms:.3}"));
            [vec![escape(&part.name), format!("{least} to {most}")], took.to_vec()].concat()
        })
        .collect();
    let (least, most) = found.budget_sum_ms;
    let sum = format!("{:.3}", found.measured_sum_ms);
    let blank = String::new;
    rows.push(vec!["<b>sum</b>".to_owned(), format!("{least} to {most}"), sum, blank(), blank(), blank()]);
    body.push_str(&table(&["part (ms)", "the specification gives", "mean", "p50", "p99", "max"], &rows));
    body.push_str(
        "<p>The parts of the specification sum to less than the 1 to 5 seconds that it states for the whole; both sums stand \
         here. The stamps are of the servers' wall clocks.</p>",
    );
    section("Propagation", &body)
}

fn over_time(report: &Report) -> String {
    let line = |name, class, value: fn(&SecondRow) -> f64| Series {
        name,
        class,
        points: by_second(report, |row| Some(value(row))),
    };
    let series = [
        line("due", "c3", |row| row.due as f64),
        line("answered", "c1", |row| row.done as f64),
        line("errors", "c4", |row| row.errors as f64),
    ];
    let mut body = lines(&time_axes(report, "Requests over time", "per second"), &series);
    let memory = by_second(report, |row| row.memory_bytes.map(|bytes| bytes as f64 / 1e6));
    if memory.len() > 1 {
        let series = [Series { name: "memory of the server", class: "c2", points: memory }];
        body.push_str(&lines(&time_axes(report, "Memory over time", "MB"), &series));
    }
    let lag = by_second(report, |row| row.lag_ms);
    if lag.len() > 1 {
        let series = [Series { name: "lag of the instances", class: "c4", points: lag }];
        body.push_str(&lines(&time_axes(report, "Lag over time: commit to caches", "ms"), &series));
    }
    section("Over time", &body)
}

fn errors(report: &Report) -> String {
    if report.errors.by_name.is_empty() {
        return section("Errors", "<p>None.</p>");
    }
    let rows: Vec<_> =
        report.errors.by_name.iter().map(|(name, count)| vec![escape(name), count.to_string()]).collect();
    section("Errors", &table(&["error", "count"], &rows))
}

fn facts(report: &Report) -> String {
    let machine = &report.machine;
    let rows = [
        ("command", format!("<code>{}</code>", escape(&report.command))),
        ("commit", escape(report.git_ref.as_deref().unwrap_or("none"))),
        ("began", escape(&report.started_at)),
        ("took", format!("{:.1} s, {} s of them warm-up", report.elapsed_s, report.warm_up_s)),
        ("server", escape(report.server.as_deref().unwrap_or("not started by this program"))),
        ("targets", escape(&report.targets.join(", "))),
        ("instances", escape(&report.instances.join(", "))),
        (
            "machine",
            format!(
                "{}, {} processors, {:.0} GB, Linux {}, load before {}",
                escape(&machine.cpu),
                machine.cpus,
                machine.memory_bytes as f64 / 1e9,
                escape(&machine.kernel),
                escape(&machine.load_before)
            ),
        ),
        ("program", escape(&report.tool)),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let mut body = table(&["", ""], &rows);
    for note in &report.notes {
        let _ = write!(body, "<p class=\"note\">{}</p>", escape(note));
    }
    let _ = write!(
        body,
        "<details><summary>The scenario as it was run</summary><pre>{}</pre></details>",
        escape(&report.scenario_text)
    );
    section("The run", &body)
}
