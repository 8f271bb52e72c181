//! What the words of the ports mean, as tests: every adapter passes these suites (feature `testing`).
//!
//! Each suite is `run_all(make)`: `make` builds a fresh harness, and each case runs on one of its own. The cases are
//! public, so that one of them can be run alone. They run on real time, wait for things with a deadline, and assume
//! nothing about how soon they come. A case panics with what it saw.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests, in a library of tests")]

pub mod bus;
mod case;
pub mod feed;
pub mod lease;
pub mod notifications;
pub mod outbox;
pub mod parking;
pub mod samples;
pub mod store;

use case::case;
