//! The engine against servers that misbehave, and the program as its user meets it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

mod engine;
mod program;
mod report;
mod run;
mod server;
