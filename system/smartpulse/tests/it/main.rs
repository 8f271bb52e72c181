//! Integration tests of the shared parts: real sockets, real files, the whole command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod auth;
mod cli;
mod config;
mod config_production;
mod crash;
mod delivered;
mod deploy;
mod doctor;
mod edge;
mod guarantees;
mod import_end_to_end;
mod jwks;
mod licences;
mod metrics_page;
mod migrate;
mod notifications;
#[cfg(feature = "production")]
mod on_sqlserver;
mod operators;
mod process;
mod running;
mod serve;
mod tidy;
