//! One seed from its begin to its verdict.
//!
//! Warm-up, storm (every event is checked as it happens), heal, bounded convergence with named reasons, final reads.

mod client;
mod dba;
mod driver;
mod encore;
mod finale;
mod http;
mod notify;
mod outcome;
mod phase;
mod rows;
mod rules;
mod workload;

pub use driver::{run, run_with_messages};
pub use outcome::{Outcome, Verdict};
