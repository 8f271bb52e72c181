//! The SmartPulse services: configuration, HTTP, serving, telemetry, and the command line.
//!
//! - [`config`]: what an instance is told, with the source of each value.
//! - [`http`]: what all routes share: errors, request ids, limits, bodies.
pub mod auth;
pub mod config;
pub mod http;
mod panics;
pub mod serve;
pub mod telemetry;
