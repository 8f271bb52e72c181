//! Suites against real Redis, Pulsar and SQL Server.
//!
//! A suite is a program of its own (`tests/<backend>/main.rs`) over [`Suite`]. Its [`Server`] is found when the first case
//! asks for it: an endpoint from the environment, a container, a local process, in this order ([`first_of`]). Where there
//! is none, each case is ignored, with the reason; `SMARTPULSE_REQUIRE=redis,pulsar` makes that a failure ([`Backend`]).

mod absence;
mod backend;
#[cfg(feature = "production")]
pub mod check;
#[cfg(feature = "production")]
mod docker;
#[cfg(feature = "production")]
mod process;
#[cfg(feature = "production")]
pub mod pulsar;
#[cfg(feature = "production")]
mod python;
mod server;
#[cfg(feature = "production")]
pub mod sqlserver;
mod suite;

pub use absence::{Absence, Way, first_of};
pub use backend::Backend;
#[cfg(feature = "production")]
pub use docker::engine;
#[cfg(feature = "production")]
pub use process::{LocalProcess, free_port};
#[cfg(feature = "production")]
pub use python::Python;
pub use server::Server;
pub use suite::{Suite, without_production};
