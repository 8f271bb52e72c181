//! Whole runs against the real server: three instances of the binary beside this one. What counts and what must never be is
//! judged; no speed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use loadgen::report::{Report, read};

const READS: &str = r#"
name = "reads"
kind = "reads"
warm_up_s = 2
timeout_ms = 30000
roles = "forecast-api,tracker,sync,relay"
population = { size = 300, zipf = 1.0 }
mix = { get = 0.9, revalidate = 0.1 }
stages = [{ seconds = 8, rate = 100 }]

[sizes]
l1_bytes = 100000
l2_bytes = 100000
l3_bytes = 150000
l1_ttl_s = 60
l3_ttl_s = 300
jitter = 0.1
body_bytes = 405
"#;

const PROPAGATION: &str = r#"
name = "propagation"
kind = "propagation"
warm_up_s = 1
timeout_ms = 30000
roles = "forecast-api,tracker,sync,relay"
population = { size = 40, zipf = 0.8 }
mix = { get = 0.55, revalidate = 0.2, own_write = 0.15, patch = 0.1 }
stages = [{ seconds = 12, rate = 60 }]
"#;

/// The server beside the program that is tested: `cargo test` of the workspace has built it; of this package alone it has not.
fn server() -> PathBuf {
    let own = Path::new(env!("CARGO_BIN_EXE_loadgen"));
    let binary = own.with_file_name("smartpulse");
    if !binary.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "-p", "smartpulse", "--bin", "smartpulse"]);
        if own.parent().is_some_and(|folder| folder.ends_with("release")) {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the server cannot be built");
    }
    binary
}

/// Runs a scenario with these bounds (metric, least, most), all of which must hold.
fn passes(scenario: &str, bounds: &[(&str, f64, f64)]) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let bounds: String = bounds
        .iter()
        .map(|(metric, min, max)| format!("\n[[thresholds]]\nmetric = \"{metric}\"\nmin = {min:?}\nmax = {max:?}\n"))
        .collect();
    fs::write(dir.path().join("run.toml"), scenario.to_owned() + &bounds).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["run", "run.toml", "--spawn", "3", "--out", "out", "--quiet", "--binary"])
        .arg(server())
        .current_dir(dir.path())
        .env_clear()
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert_eq!(output.status.code(), Some(0), "{said}");
    read(&dir.path().join("out")).unwrap()
}

const ANY: f64 = 1e12;

#[test]
fn reads_of_three_instances_are_accounted_for_to_the_last_request() {
    let report = passes(
        READS,
        &[
            ("accounting_difference", 0.0, 0.0),
            ("whole_errors", 0.0, 0.0),
            ("whole_not_sent", 0.0, 0.0),
            ("whole_sent", 800.0, 800.0),
            ("checked_monotonic", 100.0, ANY),
            ("error_went_back", 0.0, 0.0),
            ("database_load_reduction", 1.0, ANY),
        ],
    );
    let server = report.server_counts.unwrap();
    assert_eq!((server.requests.iter().sum::<i64>(), server.sent.iter().sum::<u64>()), (800, 800));
    assert!(server.loads > 0 && server.since_warm.is_some(), "{server:?}");
    assert!(report.model.is_some() && report.instances.len() == 3);
}

#[test]
fn writes_are_seen_on_three_instances_and_nothing_goes_back() {
    let report = passes(
        PROPAGATION,
        &[
            ("accounting_difference", 0.0, 0.0),
            ("within_5s_share", 1.0, 1.0),
            ("writes", 20.0, ANY),
            ("error_went_back", 0.0, 0.0),
            ("error_older_than_5s", 0.0, 0.0),
            ("error_below_minimum_version", 0.0, 0.0),
            ("stream_events", 60.0, ANY),
            ("stream_went_back", 0.0, 0.0),
            ("streams_lost", 0.0, 0.0),
            ("polled_targets", 0.0, 0.0),
            ("detection_p99_ms", 0.0, ANY),
            ("lag_max_ms", 0.0, ANY),
        ],
    );
    let found = report.propagation.unwrap();
    assert_eq!((found.seen, found.expected), (found.writes * 3, found.writes * 3), "{found:?}");
    assert!(report.seconds.iter().any(|second| second.lag_ms.is_some()));
}
