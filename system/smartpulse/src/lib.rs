//! The SmartPulse services in one process: what is around the domain.
//!
//! Read it in the order in which a process comes to life. The [`cli`] chooses a command and reads the [`config`], each
//! value with its source. [`telemetry`] sets up logs and metrics. [`serve`] accepts connections until the drain; every
//! request passes the shared parts of [`http`], where errors, ids and limits are made, and [`auth`] tells who is calling.
//! [`import`] turns tables into forecasts, for the command line and for the sample of the first start.
//!
//! An instance is an [`app`] over the ports that a [`wiring`] builds. [`doctor`] judges what the wiring finds about each
//! backend.
//!
//! Nothing here keeps state in statics or reads the clock, randomness or the environment by itself: `main` hands them
//! over, and tests and simulations hand over their own.

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod doctor;
mod error_text;
pub mod http;
pub mod import;
mod panics;
pub mod serve;
pub mod telemetry;
pub mod wiring;
