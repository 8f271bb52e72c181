//! The house rules that a machine can check (DESIGN sections 2 and 8). A rule that is not executed drifts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file of the repository that git would track, with its path from the root.
fn files(ending: &str) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | ".git" | "data") {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                let relative = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((relative, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {ending} files under {}", root.display());
    found
}

fn report(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn files_stay_short() {
    let long = files(".rs").into_iter().map(|(path, text)| (path, text.lines().count()));
    let long = long.filter(|(_, lines)| *lines > FILE_LINES_MAX).map(|(path, lines)| format!("{path}: {lines} lines"));
    report("a file has at most 400 lines: split it by idea", long.collect());
}

#[test]
fn lib_and_mod_files_hold_no_logic() {
    let is_story = |path: &str| path.ends_with("/mod.rs") || path.ends_with("/lib.rs");
    let broken = files(".rs").into_iter().filter(|(path, _)| is_story(path) && !path.contains("/tests/"));
    let broken = broken.filter(|(_, text)| {
        text.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("fn ")
                || line.starts_with("pub fn ")
                || line.starts_with("impl ")
                || line.starts_with("async fn ")
        })
    });
    report("lib.rs and mod.rs tell the story and re-export", broken.map(|(path, _)| path).collect());
}

#[test]
fn every_file_is_compiled() {
    let all = files(".rs");
    let known: BTreeSet<_> = all.iter().map(|(path, _)| path.clone()).collect();
    let text_of = |path: &str| all.iter().find(|(other, _)| other == path).map(|(_, text)| text.as_str());
    let mut dead = Vec::new();
    for (path, _) in &all {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.trim_end_matches(".rs");
        let is_root = matches!(stem, "lib" | "main" | "build")
            || folder.ends_with("/benches")
            || folder.ends_with("/examples")
            || folder.ends_with("/tests");
        if is_root {
            continue;
        }
        let (parent_folder, module) = match stem {
            "mod" => folder.rsplit_once('/').unwrap_or(("", folder)),
            _ => (folder, stem),
        };
        let upper = parent_folder.rsplit_once('/').map(|(upper, name)| format!("{upper}/{name}.rs"));
        let parents = ["lib.rs", "main.rs", "mod.rs"].map(|name| format!("{parent_folder}/{name}"));
        let parents = parents.into_iter().chain(upper).filter(|parent| known.contains(parent) && parent != path);
        let declared = |text: &str| {
            text.lines().any(|line| {
                let line = line.trim();
                let is_visible = |line: &str| line == "pub" || (line.starts_with("pub(") && line.ends_with(')'));
                line.strip_suffix(&format!("mod {module};"))
                    .is_some_and(|before| before.is_empty() || is_visible(before.trim()))
            })
        };
        if !parents.filter_map(|parent| text_of(&parent)).any(declared) {
            dead.push(path.clone());
        }
    }
    report("a file that no module names is not compiled", dead);
}

#[test]
fn nothing_is_left_half_done() {
    // Spelt in two halves, so that this file passes its own rule.
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("dbg", "!("), concat!("#[ig", "nore]")];
    let mut broken = Vec::new();
    for (path, text) in files(".rs") {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                broken.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    report("no leftovers, no skipped tests", broken);
}

/// What each layer must never know, by the names that its manifest may not hold.
#[test]
fn dependencies_run_one_way() {
    let drivers = ["axum", "hyper", "sqlx", "reqwest", "redis", "pulsar", "tiberius", "lettre", "clap"];
    let rules: [(&str, Vec<&str>); 5] = [
        ("system/coherence", [&drivers[..], &["domain", "adapters", "smartpulse"]].concat()),
        ("system/coherence-redis", vec!["axum", "hyper", "sqlx", "reqwest", "domain", "adapters", "smartpulse"]),
        ("system/domain", [&drivers[..], &["smartpulse"]].concat()),
        ("system/adapters", vec!["axum", "hyper", "clap", "smartpulse"]),
        ("system/smartpulse", vec!["sqlx", "bench", "sim", "containers", "loadgen"]),
    ];
    let mut broken = Vec::new();
    for (folder, forbidden) in rules {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        for name in forbidden {
            if dependencies.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(name)) {
                broken.push(format!("{folder} depends on {name}"));
            }
        }
    }
    report("dependencies run one way: coherence <- domain <- adapters <- smartpulse", broken);
}

/// Only the wiring names a technology.
#[test]
fn only_the_wiring_names_a_technology() {
    let broken = files(".rs").into_iter().filter(|(path, text)| {
        path.starts_with("system/smartpulse/src/")
            && !path.starts_with("system/smartpulse/src/wiring/")
            && ["adapters::sqlite", "adapters::memory", "adapters::sqlserver", "adapters::pulsar", "coherence_redis"]
                .iter()
                .any(|name| text.contains(name))
    });
    report("only the wiring files name a technology", broken.map(|(path, _)| path).collect());
}

fn cargo_tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--target", "x86_64-unknown-linux-gnu"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Features leak through a workspace: one named on any dependency line is on in the binary that a workspace build leaves
/// behind (DESIGN section 8).
#[test]
fn the_default_build_is_lean() {
    let packages = cargo_tree(&["--workspace", "-e", "normal,build"]);
    for banned in ["openssl-sys ", "native-tls ", "protobuf-src ", "prost-build ", "ring "] {
        assert!(!packages.lines().any(|line| line.starts_with(banned)), "the default build holds {banned}");
    }
    let rustls: BTreeSet<_> =
        packages.lines().filter(|line| line.starts_with("rustls v")).map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(rustls.len(), 1, "one TLS stack: {rustls:?}");
    let features = cargo_tree(&["--workspace", "-e", "features,normal,build"]);
    for banned in ["feature \"production\"", "feature \"mutants\""] {
        assert!(!features.contains(banned), "the default build has {banned}");
    }
    let alone = cargo_tree(&["-p", "smartpulse", "-e", "features,normal,build"]);
    for banned in ["turmoil", "tokio feature \"test-util\"", "feature \"testing\""] {
        assert!(!alone.contains(banned), "smartpulse alone has {banned}");
    }
}

/// No line turns the planted bugs on: a build that has them names the feature itself.
#[test]
fn no_manifest_turns_the_planted_bugs_on() {
    let named = files("Cargo.toml").into_iter().filter(|(_, text)| text.contains("\"mutants\""));
    report("no dependency line and no default names `mutants`", named.map(|(path, _)| path).collect());
}

/// Without the feature the place of a planted bug is not compared with the list: a misspelt one would be none.
#[test]
fn every_planted_bug_has_its_place() {
    let names_after = |text: &str, mark: &str| -> BTreeSet<String> {
        let name = |rest: &str| rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        text.split(mark).skip(1).map(name).collect()
    };
    let (list, sources): (Vec<_>, Vec<_>) = files(".rs")
        .into_iter()
        .filter(|(path, _)| path.starts_with("system/") && path.contains("/src/"))
        .partition(|(path, _)| path == "system/coherence/src/mutants.rs");
    let placed: BTreeSet<_> = sources.iter().flat_map(|(_, text)| names_after(text, "mutant!(")).collect();
    // In the list a line of a bug begins with its name, in the first depth.
    let (_, text) = &list[0];
    let block = text.split("\nplanted! {\n").nth(1).unwrap().split("\n}\n").next().unwrap();
    let lines = block.lines().map(str::trim).filter(|line| line.ends_with("\";"));
    let listed: BTreeSet<_> = lines.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(listed.len() >= 25, "{} planted bugs", listed.len());
    assert_eq!(placed, listed, "the list of planted bugs and their places");
}
