//! One seed in a process of its own.

use std::io;
use std::process::{Command, Output, Stdio};

use crate::run::{Outcome, Verdict};

/// Runs this program again.
pub(super) fn spawn(arguments: &[&str]) -> io::Result<Output> {
    Command::new(std::env::current_exe()?).args(arguments).stdin(Stdio::null()).output()
}

/// Runs a seed; a child that dies without a word is a failure with its last lines.
pub(super) fn run(seed: u64) -> Outcome {
    let text = seed.to_string();
    let died = |why: String| Outcome {
        seed,
        verdict: Verdict::Died(why),
        digest: String::new(),
        simulated_ms: 0,
        records: 0,
        requests: 0,
        commits: 0,
        faults: 0,
        reached: 0,
        marks: Default::default(),
    };
    match spawn(&["run", "--json", "--seed", &text]) {
        Ok(output) => serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let last: Vec<&str> = said.lines().rev().take(6).collect();
            died(last.into_iter().rev().collect::<Vec<_>>().join(" | "))
        }),
        Err(error) => died(error.to_string()),
    }
}
