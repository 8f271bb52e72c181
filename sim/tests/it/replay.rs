//! A printed plan is the run: replayed, recorded and drawn it gives the same log.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{assert_success, sim};

#[test]
fn a_printed_plan_gives_the_digest_of_its_seed_also_where_it_is_drawn() {
    let folder = TempDir::new().unwrap();
    let (plan, drawn) = (folder.path().join("plan.json"), folder.path().join("drawn"));
    let run = sim(&["run", "--seed", "7"]);
    assert_success(&run);
    fs::write(&plan, &run.stdout).unwrap();
    let replayed = sim(&["replay", "--json", plan.to_str().unwrap(), "--draw", drawn.to_str().unwrap()]);
    assert_success(&replayed);
    let outcome: Value = serde_json::from_slice(&replayed.stdout).unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(said.contains(&format!("digest {}", outcome["digest"].as_str().unwrap())), "{said}{outcome}");
    let lines = |name: &str| fs::read_to_string(drawn.join(name)).unwrap().lines().count();
    assert_eq!(lines("history.jsonl") as u64, outcome["records"]);
    assert!(lines("messages.jsonl") > 1_000);
    assert!(fs::read_to_string(drawn.join("diagram.svg")).unwrap().contains("Seed 7: passed"));
}

#[test]
fn a_plan_that_cannot_be_read_is_refused_with_its_name() {
    let output = sim(&["replay", "no-such-plan.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-plan.json"));
}
