//! From a failing plan to its folder, in a build without planted bugs: the plan has a setting that every run dies of.

use std::fs;
use std::path::{Path, PathBuf};

use ::sim::fault::{Plan, draw};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{assert_success, sim};

fn dying_plan(folder: &Path) -> String {
    let plan = Plan { behind_every_ms: 500, ..draw(7) };
    let mut plan = serde_json::to_value(plan).unwrap();
    plan["tuning"]["settings"] = json!([["cache.l1_ttl_s", "for ever"]]);
    write(folder, &plan)
}

fn write(folder: &Path, plan: &Value) -> String {
    let path = folder.join("given.json");
    fs::write(&path, plan.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Shrinks into a folder of its own; answers that of the failure.
fn shrink(plan: &str, out: &Path, more: &[&str]) -> PathBuf {
    assert_success(&sim(&[&["shrink", plan, "--out", out.to_str().unwrap()], more].concat()));
    out.join("died-7")
}

#[test]
fn a_failing_plan_becomes_a_folder_with_the_smallest_one_and_its_story() {
    let folder = TempDir::new().unwrap();
    let plan = dying_plan(folder.path());
    let failure = shrink(&plan, &folder.path().join("one"), &["--jobs", "1"]);
    assert_eq!(read(&failure.join("plan.json")), read(Path::new(&plan)));
    let shrunk = read(&failure.join("shrunk.json"));
    assert_eq!((&shrunk["faults"], &shrunk["behind_every_ms"]), (&json!([]), &json!(0)));
    assert!(shrunk["storm_ms"].as_u64().unwrap() < 2_000, "{shrunk}");
    let story = fs::read_to_string(failure.join("story.md")).unwrap();
    assert!(story.contains("l1_ttl_s") && story.contains("None: it fails without any."), "{story}");
    assert!(story.contains("cargo sim replay"), "{story}");
}

#[test]
fn the_result_is_the_same_with_more_jobs() {
    let folder = TempDir::new().unwrap();
    let plan = dying_plan(folder.path());
    let of = |jobs: &str, runs: &str| {
        let out = folder.path().join(format!("{jobs}-{runs}"));
        read(&shrink(&plan, &out, &["--jobs", jobs, "--max-runs", runs]).join("shrunk.json"))
    };
    assert_eq!(of("1", "300"), of("3", "300"));
    let cut_short = of("1", "2");
    assert_eq!(cut_short, of("3", "2"));
    assert_ne!(cut_short["behind_every_ms"].as_u64().unwrap(), 0, "{cut_short}");
}

#[test]
fn there_is_nothing_to_shrink_where_nothing_fails() {
    let folder = TempDir::new().unwrap();
    let short = Plan { storm_ms: 500, faults: Vec::new(), ..draw(7) };
    let (plan, out) = (write(folder.path(), &serde_json::to_value(short).unwrap()), folder.path().join("failures"));
    let output = sim(&["shrink", &plan, "--out", out.to_str().unwrap()]);
    assert_success(&output);
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing to shrink"));
    assert!(!out.exists());
}
