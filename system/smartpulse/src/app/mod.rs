//! One instance: the services over their ports, behind two routers.
//!
//! ```text
//!   Config + Ports ──> App::new ──> router()           the API, /docs, /openapi.json, /health
//!                               ──> internal_router()  /metrics, /admin, /health
//!                               ──> serve(listeners)   both, with the background jobs, until the drain
//! ```
//!
//! The [roles](crate::config::InstanceRole) of an instance say which jobs of the pipeline run in it.
//!
//! The three compositions (embedded, production, simulation) differ in the [`Ports`] that they build and in nothing else.

mod feed;
mod health;
mod instance;
mod pages;
mod pipeline;
mod ports;
mod routers;
mod settings;

pub use feed::{FeedReport, FeedWatch};
pub use health::Readiness;
pub use instance::{App, AppError, Ended};
pub use pages::openapi;
pub use pipeline::PipelineStatus;
pub use ports::{Job, JobError, Ports};
pub use routers::{Routes, description};
