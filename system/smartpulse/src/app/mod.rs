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

mod backlog;
mod channels;
mod feed;
mod health;
mod instance;
mod notification_jobs;
mod notifications;
mod pages;
mod pipeline;
mod ports;
mod readiness;
mod routers;
mod settings;

pub use backlog::BacklogHandle;
pub use channels::{Channels, VapidPublic};
pub use feed::{FeedReport, FeedWatch};
pub use health::{Degraded, HealthParts, Probe, Readiness};
pub use instance::{App, AppError, Ended};
pub use notifications::{NotificationParts, NotificationStatus};
pub use pages::{notification_openapi, openapi};
pub use pipeline::PipelineStatus;
pub use ports::{Job, JobError, Ports};
pub use routers::{Routes, description, notification_description};
