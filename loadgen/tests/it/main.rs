//! The engine against servers that misbehave, and the program as its user meets it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

mod clock;
mod engine;
mod notifications;
mod program;
mod report;
mod run;
mod server;
mod spawned;
mod tls;
