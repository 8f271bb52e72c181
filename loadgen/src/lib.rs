//! An open-loop load generator for SmartPulse: a black box over HTTP that checks every reply, and every claim of the caches.
//!
//! [`engine`] sends what a plan says when it says so; [`scenario`]s say what is sent and judge what comes back; [`model`]
//! computes what the tiers must answer; [`sinks`] take notifications; [`report`] writes it down; [`cli`] is the program.

pub mod cli;
pub mod engine;
pub mod failure;
pub mod http;
pub mod model;
pub mod random;
pub mod report;
pub mod scenario;
pub mod scrape;
pub mod seed;
pub mod sinks;
pub mod spawn;
pub mod target;
pub mod token;
