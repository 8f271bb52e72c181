//! What the words of the ports mean, as tests: every adapter passes these suites (feature `testing`).
//!
//! Each suite is `run_all(make)`: `make` builds a fresh harness, and each case runs on one of its own. The cases are
//! public, so that one of them can be run alone. They run on real time, wait for things with a deadline, and assume
//! nothing about how soon they come. A case panics with what it saw.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests, in a library of tests")]

pub mod bus;
pub mod feed;
pub mod samples;
pub mod store;

use std::future::Future;
use std::time::Duration;

/// No case takes longer; one that does has lost something.
const CASE_DEADLINE: Duration = Duration::from_secs(60);

/// Runs one case, and names it where the test's output is shown.
async fn case(name: &str, run: impl Future<Output = ()>) {
    println!("conformance: {name}");
    tokio::time::timeout(CASE_DEADLINE, run)
        .await
        .unwrap_or_else(|_| panic!("{name} did not end in {CASE_DEADLINE:?}"));
}
