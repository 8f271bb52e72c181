//! The use cases of ProductionForecast: get, list, create, patch, delete, batch.
//!
//! ```text
//!   get  ──> CacheManager ──> coherence::Cache ──(L4)──> Store
//!   list ──> CacheManager ──> coherence::OutputCache ──> Store::list
//!   create, patch, delete, batch ──> detached task:
//!        read L4 ──> Store::commit (row, capture, outbox events) ──> own caches told ──> answer
//! ```
//!
//! Writes run detached from their request, so that a client that hangs up after the commit does not skip the
//! invalidation. They read the row from the store, never from a cache, and commit with its version as the expected one. A
//! forecast outside the caller's scope does not exist.

mod batch;
mod caller;
mod changes;
mod create;
mod error;
mod idempotency;
mod list;
mod manager;
mod revise;
mod service;
mod views;

pub use batch::{BatchItem, BatchOutcome};
pub use caller::{Caller, Role};
pub use changes::Saved;
pub use error::ServiceError;
pub use idempotency::{Answered, IDEMPOTENCY_KEY_BYTES_MAX, IDEMPOTENCY_RESPONSE_BYTES_MAX, IdempotencyRequest};
pub use list::SCOPE_IN_KEY_MAX;
pub use manager::CacheManager;
pub use revise::{Deleted, Precondition};
pub use service::{ATTEMPTS_MAX, ForecastConfig, ForecastPorts, ForecastService, WRITES_MAX};
pub use views::{Listed, Views};
