//! The API of one instance, through its real router: the App over memory ports (where time matters, paused) and over
//! SQLite. No sockets: `tests/it/serve.rs` has those.
//!
//! [`support`] builds instances and tokens, [`client`] sends requests, [`faults`] breaks and holds the backends, and
//! [`contract`] holds every answer against the API description. The other files are one theme each.

mod batch;
mod client;
mod contract;
mod events;
mod evictions;
mod faults;
mod idempotency;
mod lists;
mod openapi;
mod reads;
mod subscriber;
mod support;
mod writes;
