//! The routes of ProductionForecast (specification 2.1): thin handlers over [`domain::forecast::ForecastService`].
//!
//! Each handler takes an [`Admitted`](super::Admitted) caller, parses at the edge, calls one use case and writes the
//! answer; [`views`] holds what the caches keep ready, [`reply`] writes the headers, [`schema`] is the description.

mod batch;
mod create;
mod get;
mod idempotency;
mod list;
mod reply;
mod revise;
pub mod routes;
pub mod schema;
mod views;

pub use routes::{ForecastApi, routes};
pub use views::{JsonViews, ListView, View};
