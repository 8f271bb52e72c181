//! An open-loop load generator for SmartPulse: a black box over HTTP that checks every reply, and every claim of the caches.
//!
//! [`engine`] sends what a plan says when it says so; [`scenario`]s say what is sent and judge what comes back; [`model`]
//! computes what the tiers must answer; [`report`] writes it down; [`cli`] is the program.

pub mod engine;
pub mod http;
