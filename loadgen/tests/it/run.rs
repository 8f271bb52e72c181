//! Whole runs of the program, against a stand-in with one forecast.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use loadgen::report::{Report, read};

use super::server::Server;

const COMPANY: &str = "0b5d0000-0000-4000-8000-00000000c0de";

pub(super) const SCENARIO: &str = r#"
name = "small"
kind = "mixed"
warm_up_s = 0.5
abort_on_fail = true
connections = 4
population = { size = 1 }
mix = { get = 1 }
stages = [{ seconds = 3, rate = 200 }]

[[thresholds]]
metric = "errors"
max = 0

[[thresholds]]
metric = "done"
min = 500
"#;

const READY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"degraded\":[]}";
const LIST: &str = "HTTP/1.1 200 OK\r\ncontent-length: 67\r\nx-instance: i\r\n\r\n\
    {\"total\":1,\"items\":[{\"id\":\"0b5d0000-0000-4000-8000-000000000001\"}]}";
pub(super) const FORECAST: &str = "HTTP/1.1 200 OK\r\ncontent-length: 45\r\netag: \"0123456789abcdef0123456789abcdef\"\r\n\
    x-version: 1.1\r\nx-cache-hit: true\r\nx-cache-level: L2\r\ncache-status: SmartPulse; hit; detail=L2\r\n\
    x-instance: i\r\n\r\n{\"id\":\"0b5d0000-0000-4000-8000-000000000001\"}";
const FAILS: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nx-instance: i\r\n\r\n";

pub(super) fn route(request: &str, forecast: &'static str) -> &'static str {
    match request {
        request if request.starts_with("GET /health") => READY,
        request if request.starts_with("GET /api/forecasts?") => LIST,
        _ => forecast,
    }
}

fn run(dir: &Path, server: &Server) -> (Output, Report) {
    run_of(dir, server, SCENARIO)
}

fn run_of(dir: &Path, server: &Server, scenario: &str) -> (Output, Report) {
    let output = output_of(dir, server, scenario);
    let report = read(&dir.join("out")).unwrap();
    (output, report)
}

fn output_of(dir: &Path, server: &Server, scenario: &str) -> Output {
    fs::write(dir.join("small.toml"), scenario).unwrap();
    let target = format!("http://{}", server.address);
    Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["run", "small.toml", "--target", &target, "--company", COMPANY, "--out", "out"])
        .current_dir(dir)
        .env_clear()
        .env("LOADGEN_TOKEN", "secret-token")
        .output()
        .unwrap()
}

#[test]
fn a_run_that_passes_says_so_and_has_counted_every_request() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(|request| route(request, FORECAST));
    let (output, report) = run(dir.path(), &server);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.passed && report.aborted.is_none());
    assert_eq!((report.whole_sent, report.due, report.done, report.not_sent), (600, 500, 500, 0));
    assert_eq!(report.levels.ok, [0, 500, 0, 0]);
    // The preflight (health and a list) and the search for forecasts (a list) are the server's other requests.
    assert_eq!(server.served(), 600 + 3);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("passed") && said.contains("out/report.json"), "{said}");
    for name in ["report.json", "index.html", "junit.xml"] {
        let text = fs::read_to_string(dir.path().join("out").join(name)).unwrap();
        assert!(!text.contains("secret-token"), "{name} holds the token");
    }
}

/// The shares of the specification are those of stated cache sizes, which a server of somebody else does not have.
#[test]
fn a_foreign_server_is_not_judged_by_the_sizes_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(|request| route(request, FORECAST));
    let more = ["l1_share", "l4_share", "database_load_reduction", "l2_share"];
    let more = more.map(|metric| format!("\n[[thresholds]]\nmetric = \"{metric}\"\nmin = 0.999\nmax = 0.9999\n"));
    let (output, report) = run_of(dir.path(), &server, &(SCENARIO.to_owned() + &more.concat()));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(report.thresholds.len(), 2, "{:?}", report.thresholds);
}

#[test]
fn a_run_that_measures_nothing_leaves_no_report_of_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(|request| route(request, FORECAST));
    assert_eq!(run(dir.path(), &server).0.status.code(), Some(0));
    let gone = Server::start_with(|_| FAILS);
    let output = output_of(dir.path(), &gone, SCENARIO);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let left: Vec<_> = fs::read_dir(dir.path().join("out")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_run_that_fails_ends_early_and_its_report_says_that_too() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(|request| route(request, FAILS));
    let (output, report) = run(dir.path(), &server);
    assert_eq!(output.status.code(), Some(99));
    assert!(!report.passed && report.aborted.is_some());
    assert!(report.whole_sent < 600, "ended early: {}", report.whole_sent);
    assert_eq!(report.levels.ok, [0; 4]);
    assert!(report.errors.by_name.contains_key("status_500"), "{:?}", report.errors);
    assert!(String::from_utf8(output.stderr).unwrap().contains("missed: errors"));
}
