//! Deterministic simulation of the real services.
//!
//! ```text
//!   seed ──> options + fault plan ──> driver ── steps ──> turmoil hosts: store, bus, shared, i0.. (the real App), clients
//!                                       │                     │ every request, commit, fault, instance event
//!                                       │                     v
//!                                       └── checks <────── the log ──> digest, marks, report
//! ```
//!
//! [`world`] builds the hosts, [`wire`] carries the ports over simulated TCP, [`fault`] breaks things by a plan that is
//! data, [`run`] drives one seed through its phases, [`log`] is the one record of what happened, [`check`] holds it
//! against C1 to C8 and S1 to S3, [`shrink`] makes a failing plan small, [`picture`] draws a run, [`cli`] is the command
//! line, [`process`] runs it again and again: one seed is one child process, since tokio numbers tasks per process.

#![allow(unexpected_cfgs, reason = "tokio's cfg, which no manifest declares")]

#[cfg(not(any(tokio_unstable, doc)))]
compile_error!("the simulation needs `--cfg tokio_unstable` (it seeds tokio's own choices): see .cargo/config.toml");

pub mod check;
pub mod cli;
pub mod dice;
pub mod fault;
pub mod log;
pub mod memory;
pub mod picture;
pub mod process;
pub mod run;
pub mod shrink;
pub mod wire;
pub mod world;
