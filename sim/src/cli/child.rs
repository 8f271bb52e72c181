//! One run in a process of its own.

use std::io;
use std::process::{Command, Output};

use super::commands::planted_bug;
use crate::fault::Plan;
use crate::process::{RUN_MAX, run_within};
use crate::run::{Outcome, Verdict};

/// How many lines of a dead child's last words are kept.
const LAST_WORDS: usize = 6;

/// The environment variable that names the planted bug of a process (`coherence::mutants::VARIABLE`).
const VARIABLE: &str = "PLANTED_BUG";

/// This program, to be run again.
#[derive(Debug, Clone, Default)]
pub(super) struct Child {
    bug: Option<&'static str>,
}

impl Child {
    /// With the planted bug that this process has.
    pub(super) fn like_this() -> Self {
        Self { bug: planted_bug() }
    }

    /// With another one.
    #[cfg(feature = "mutants")]
    pub(super) fn with_bug(bug: &'static str) -> Self {
        Self { bug: Some(bug) }
    }

    /// Without any.
    #[cfg(feature = "mutants")]
    pub(super) fn without_bug() -> Self {
        Self { bug: None }
    }

    fn command(&self) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        match self.bug {
            Some(bug) => command.env(VARIABLE, bug),
            None => command.env_remove(VARIABLE),
        };
        Ok(command)
    }

    /// Runs this program again.
    pub(super) fn spawn(&self, arguments: &[&str]) -> io::Result<Output> {
        run_within(self.command()?.args(arguments), Vec::new(), RUN_MAX)
    }

    /// Runs a seed; `more` follows the arguments that name it.
    pub(super) fn run(&self, seed: u64, more: &[&str]) -> Outcome {
        let text = seed.to_string();
        let arguments: Vec<&str> = ["run", "--json", "--seed", &text].into_iter().chain(more.iter().copied()).collect();
        outcome_of(seed, self.spawn(&arguments))
    }

    /// Runs a plan; `more` follows the arguments that name it.
    pub(super) fn replay(&self, plan: &Plan, more: &[&str]) -> Outcome {
        outcome_of(plan.seed, self.spawn_replay(plan, more))
    }

    /// The plan goes through the child's stdin: a candidate needs no file.
    fn spawn_replay(&self, plan: &Plan, more: &[&str]) -> io::Result<Output> {
        let plan = serde_json::to_vec(plan)?;
        run_within(self.command()?.args(["replay", "--json", "-"]).args(more), plan, RUN_MAX)
    }
}

/// What the child says; one that dies without a word is a failure with its last lines.
fn outcome_of(seed: u64, output: io::Result<Output>) -> Outcome {
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
        messages: 0,
        peak_kib: 0,
        converged_ms: None,
        converge_max_ms: None,
        marks: Default::default(),
    };
    match output {
        Ok(output) => serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| died(last_words(&String::from_utf8_lossy(&output.stderr)))),
        Err(error) => died(error.to_string()),
    }
}

/// From the panic on, if there is one: without its thread's name and number, which differ between runs.
fn last_words(said: &str) -> String {
    const PANIC: &str = "panicked at ";
    match said.find(PANIC) {
        Some(place) => said[place..].lines().take(LAST_WORDS).collect::<Vec<_>>().join("\n"),
        None => {
            let last: Vec<&str> = said.lines().rev().take(LAST_WORDS).collect();
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_last_words_tells_where_it_panicked() {
        let said = "warming\nthread 'main' (4711) panicked at sim/src/run/driver.rs:7:9:\nno way\nnote: backtrace\n";
        assert_eq!(last_words(said), "panicked at sim/src/run/driver.rs:7:9:\nno way\nnote: backtrace");
        assert_eq!(last_words("1\n2\n3\n4\n5\n6\n7\n"), "2\n3\n4\n5\n6\n7");
        assert_eq!(last_words(""), "");
    }
}
