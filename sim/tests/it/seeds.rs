//! Seeds that must pass: the first ones, and each that once found something (see FINDINGS.md).

use tempfile::TempDir;

use crate::program::{assert_success, sim};

#[test]
fn the_first_seeds_pass() {
    let folder = TempDir::new().unwrap();
    let report = folder.path().join("swarm.json");
    assert_success(&sim(&["swarm", "--count", "20", "--jobs", "2", "--report", report.to_str().unwrap()]));
}

#[test]
fn a_run_without_faults_passes() {
    assert_success(&sim(&["run", "--seed", "1", "--fair"]));
}

#[test]
fn a_batch_without_a_seed_shows_nothing() {
    for batch in [&["swarm", "--count", "0"][..], &["meta", "--count", "0"]] {
        let output = sim(batch);
        assert_eq!(output.status.code(), Some(2), "{batch:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("no seeds"));
    }
}

/// Each once found a defect: FINDINGS.md.
const FOUND: [&str; 21] = [
    "24", "28", "34", "40", "43", "45", "48", "54", "74", "90", "154", "155", "168", "190", "201", "273", "313", "429",
    "457", "461", "476",
];

#[test]
fn seeds_that_found_something_pass() {
    for seed in FOUND {
        assert_success(&sim(&["run", "--json", "--seed", seed]));
    }
}
