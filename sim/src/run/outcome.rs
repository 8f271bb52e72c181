//! What a run came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::Violation;

/// Whether all held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It did.
    Passed,
    /// An invariant did not hold.
    Violated(Violation),
    /// The software of a host ended, or panicked.
    Died(String),
}

/// A run and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Whether all held.
    pub verdict: Verdict,
    /// Hash over the log.
    pub digest: String,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Records of the log.
    pub records: usize,
    /// Requests asked.
    pub requests: u64,
    /// Commits of rows.
    pub commits: u64,
    /// Faults begun.
    pub faults: u64,
    /// How often the place of the planted bug was passed.
    pub reached: u64,
    /// Calls, answers and pushes between instances and backends.
    pub messages: u64,
    /// The process's peak of memory in KiB, as far as it is known.
    #[serde(default)]
    pub peak_kib: u64,
    /// How long after the end of all faults nothing was pending any more, in simulated milliseconds; `None`: the run did
    /// not get there.
    #[serde(default)]
    pub converged_ms: Option<u64>,
    /// How long it was allowed to take (C7).
    #[serde(default)]
    pub converge_max_ms: Option<u64>,
    /// Marks hit.
    pub marks: BTreeMap<String, u64>,
}

impl Outcome {
    /// Whether all held.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }
}
