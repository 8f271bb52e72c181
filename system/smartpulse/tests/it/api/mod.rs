//! The API of one instance, through its real router: the App over memory ports (where time matters, paused) and over
//! SQLite. No sockets: `tests/it/serve.rs` has those.
//!
//! [`support`] builds instances and tokens, [`client`] sends requests, [`faults`] breaks and holds the backends,
//! [`subscriber`] listens to the bus, and [`contract`] holds every answer against the API description. The other files
//! are one theme each; [`cluster`] is several instances that run, with all that carries changes between them.

mod bad_input;
mod batch;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod contract;
mod events;
mod evictions;
mod failures;
mod faults;
mod fuzz;
mod health;
mod herd;
mod idempotency;
mod limits;
mod lists;
mod openapi;
mod reads;
mod subscriber;
mod support;
mod tokens;
mod writes;
