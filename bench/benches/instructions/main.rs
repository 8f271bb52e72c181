//! How many instructions hot functions take, by callgrind: a gate that neighbours cannot move. The same binary gives the same
//! count on the same machine to the last digit; other machines have other versions of memory and crypto routines, so each
//! function has a tolerance beside its count in `bench/instructions.toml`.
//!
//! Each function runs under callgrind twice, few and many times: the difference is its own, whatever start and end cost.
//! `BLESS=1` writes the counts anew. Ends with exit code 1 if a function is over its limit, or with `INSTRUCTIONS_REQUIRE=1` and
//! no valgrind. (callgrind before 3.20 hides SHA-NI and AVX-512: crypto counts compare with themselves alone.)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod probes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use bench::figures::{Figure, Sheet, Unit, is_measuring};
use serde::{Deserialize, Serialize};

/// How often a function runs in the first and in the second run.
const TIMES: [u64; 2] = [20, 220];

/// One line of the file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    /// Instructions of one call, as they were seen.
    instructions: u64,
    /// By which share another machine, or a new compiler, may be above that.
    tolerance: f64,
}

type Limits = BTreeMap<String, Limit>;

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.toml")
}

/// Instructions of a whole process that runs a probe `times` times.
fn collected(probe: &str, times: u64) -> u64 {
    let out = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--cache-sim=no", "--branch-sim=no"])
        .arg(format!("--callgrind-out-file={}", out.path().display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--probe", probe, &times.to_string()])
        // Nothing of the surroundings, whose size would move the stack.
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{probe}: {said}");
    let count = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    count.unwrap_or_else(|| panic!("{probe}: callgrind tells no count: {said}"))
}

fn per_call(probe: &str) -> u64 {
    let [few, many] = TIMES.map(|times| collected(probe, times));
    many.saturating_sub(few) / (TIMES[1] - TIMES[0])
}

fn gate() -> ExitCode {
    let mut limits: Limits = toml::from_str(&std::fs::read_to_string(file()).unwrap_or_default()).unwrap();
    let bless = std::env::var_os("BLESS").is_some();
    let mut sheet = Sheet::new("instructions", "instructions of one call, by callgrind");
    let mut over = 0;
    for (name, what, tolerance, _) in probes::ALL {
        let count = per_call(name);
        if bless {
            let tolerance = limits.get(*name).map_or(*tolerance, |limit| limit.tolerance);
            limits.insert((*name).to_owned(), Limit { instructions: count, tolerance });
        }
        let figure = Figure::new(name, *what, count as f64, Unit::Count);
        let Some(limit) = limits.get(*name) else {
            println!("{name} takes {count} and has no limit in {}: BLESS=1 writes it", file().display());
            over += 1;
            sheet.put(figure);
            continue;
        };
        let most = limit.instructions as f64 * (1.0 + limit.tolerance);
        over += u64::from(count as f64 > most);
        sheet.put(figure.at_most(most.floor(), "bench/instructions.toml"));
        if (count as f64) < limit.instructions as f64 * (1.0 - limit.tolerance) {
            println!("{name} takes {count}, less than the {} of its limit: BLESS=1 lowers it", limit.instructions);
        }
    }
    if bless {
        std::fs::write(file(), header() + &toml::to_string(&limits).unwrap()).unwrap();
    }
    let functions = probes::ALL.len() as f64;
    sheet.put(Figure::new("functions", "functions with a limit", functions, Unit::Count).at_least(10.0, "issue"));
    sheet.put(Figure::new("over_limit", "functions over their limit", over as f64, Unit::Count).at_most(0.0, "P23"));
    sheet.finish();
    if over == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn header() -> String {
    "# Instructions of one call of each hot function, as callgrind counts them, and by which share they may grow.\n\
     # `BLESS=1 cargo bench -p bench --bench instructions` writes them anew; say in the commit why they changed.\n\n"
        .to_owned()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, times] = arguments.as_slice()
        && flag == "--probe"
    {
        probes::run(name, times.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    if !is_measuring() {
        for (name, ..) in probes::ALL {
            probes::run(name, 1);
        }
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return gate();
    }
    println!("instructions: valgrind is not installed, nothing is counted");
    if std::env::var_os("INSTRUCTIONS_REQUIRE").is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
