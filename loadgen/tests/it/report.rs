//! The report's forms.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use origin::Machine;

use loadgen::report::{
    Direction, Errors, Latency, Levels, Quantiles, Report, SCHEMA_VERSION, SecondRow, Threshold, compare, csv, junit,
    page, read, render_comparison, schema, summary, write,
};

fn report() -> Report {
    let threshold = |metric: &str, holds: bool| Threshold {
        metric: metric.to_owned(),
        min: None,
        max: Some(5.0),
        figure: holds.then_some(1.0),
        holds,
    };
    let second = |second| SecondRow {
        second,
        warm_up: second == 0,
        due: 10,
        done: 10,
        errors: 0,
        p50_ms: 0.5,
        p99_ms: 2.0,
        max_ms: 3.0,
        levels: [7, 2, 1, 0],
        not_modified: 1,
        memory_bytes: None,
        lag_ms: Some(1.5),
    };
    Report {
        schema_version: SCHEMA_VERSION,
        tool: "loadgen 0".to_owned(),
        scenario: "reads".to_owned(),
        kind: "reads".to_owned(),
        about: "a <b> & c".to_owned(),
        passed: false,
        aborted: None,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        elapsed_s: 2.0,
        warm_up_s: 1.0,
        git_ref: Some("abc".to_owned()),
        command: "loadgen reads".to_owned(),
        machine: Machine {
            cpu: "cpu".to_owned(),
            cpus: 2,
            memory_bytes: 1,
            kernel: "6".to_owned(),
            load_before: "0.0".to_owned(),
        },
        server: None,
        targets: vec!["http://127.0.0.1:1".to_owned()],
        instances: vec!["i".to_owned()],
        exclusive: true,
        scenario_text: "name = \"reads\"".to_owned(),
        population: 5,
        due: 10,
        done: 10,
        not_sent: 0,
        whole_sent: 20,
        latency: Latency {
            planned: Quantiles::default(),
            sent: Quantiles::default(),
            lateness: Quantiles::default(),
            kinds: BTreeMap::new(),
            distribution: vec![(0.0, 0.1), (50.0, 0.5), (99.0, 2.0), (100.0, 3.0)],
        },
        levels: Levels { ok: [6, 2, 1, 0], not_modified: [1, 0, 0, 0], unnamed: 0, shares: [0.7, 0.2, 0.1, 0.0] },
        errors: Errors { total: 1, by_name: BTreeMap::from([("status_500".to_owned(), 1)]) },
        server_counts: None,
        model: None,
        propagation: None,
        notifications: None,
        figures: BTreeMap::from([("p99_ms".to_owned(), 2.0), ("errors".to_owned(), 1.0)]),
        thresholds: vec![threshold("p99_ms", true), threshold("<odd>", false)],
        seconds: vec![second(0), second(1)],
        notes: vec!["a note".to_owned()],
    }
}

/// `BLESS=1 cargo test -p loadgen` writes it anew.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report-v1.schema.json");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, schema()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), schema());
}

#[test]
fn what_is_written_is_read_again_and_nothing_old_stands_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("report.json"), "old").unwrap();
    let report = report();
    write(&report, &folder).unwrap();
    assert_eq!(read(&folder).unwrap(), report);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["index.html", "junit.xml", "report.json", "seconds.csv"]);
    for (text, said) in [("{}", "not a report"), ("", "not a report")] {
        fs::write(folder.join("report.json"), text).unwrap();
        assert!(read(&folder).unwrap_err().to_string().contains(said));
    }
    let later = serde_json::to_string(&Report { schema_version: 2, ..report }).unwrap();
    fs::write(folder.join("report.json"), later).unwrap();
    assert!(read(&folder).unwrap_err().to_string().contains("version 2"));
}

#[test]
fn the_page_needs_nothing_and_the_other_forms_say_the_same() {
    let report = report();
    let html = page(&report);
    for absent in ["<script", "src=", "href=", "@import", "url(", "<odd>", "NaN"] {
        assert!(!html.contains(absent), "{absent}");
    }
    for present in ["not passed", "&lt;odd&gt;", "<svg", "status_500", "a &lt;b&gt; &amp; c", "a note"] {
        assert!(html.contains(present), "{present}");
    }
    assert!(html.len() < 400_000);
    let xml = junit(&report);
    assert!(xml.contains("tests=\"3\" failures=\"1\"") && xml.contains("no such figure"), "{xml}");
    assert_eq!(csv(&report).lines().count(), 3);
    assert!(csv(&report).lines().nth(1).unwrap().starts_with("0,true,10,10,0,0.500,2.000,3.000,7,2,1,0,1,"));
    assert!(summary(&report).contains("NOT passed") && summary(&report).contains("FAIL  <odd>"));
}

#[test]
fn a_comparison_tells_better_from_worse() {
    let before = report();
    let mut after = report();
    after.figures.insert("p99_ms".to_owned(), 4.0);
    let changes = compare(&before, &after);
    let of = |name: &str| changes.iter().find(|change| change.name == name).unwrap().direction;
    assert_eq!((of("p99_ms"), of("errors")), (Direction::Worse, Direction::Same));
    assert!(render_comparison(&before, &after, &changes).contains("Verdict: worse"));
}
