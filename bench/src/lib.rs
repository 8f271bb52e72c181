//! What the benches share: an instance to measure, a client that costs little, and fair comparisons.
//!
//! Absolute figures of a shared machine do not travel, so everything is a ratio of two things measured in turns within
//! one run. Nothing here asserts speed: benches print.
// A bench that cannot set itself up has nothing to report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod claims;
pub mod client;
pub mod compare;
pub mod documents;
pub mod figures;
pub mod hit;
pub mod instance;
pub mod library;
pub mod quantiles;
pub mod redis;
pub mod server;
pub mod silence;
pub mod turns;
