//! One instance: the services over their ports, behind two routers.
//!
//! ```text
//!   Config + Ports ──> App::new ──> router()           the API, /docs, /openapi.json, /health
//!                               ──> internal_router()  /metrics, /health
//!                               ──> serve(listeners)   both, with the background jobs, until the drain
//! ```
//!
//! The three compositions (embedded, production, simulation) differ in the [`Ports`] that they build and in nothing else.

mod health;
mod instance;
mod pages;
mod ports;
mod routers;

pub use health::Readiness;
pub use instance::{App, AppError, Ended};
pub use pages::openapi;
pub use ports::{Job, JobError, Ports};
pub use routers::{Routes, description};
