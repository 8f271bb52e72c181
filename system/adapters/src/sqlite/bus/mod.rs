//! The bus in the database: a table of messages, cursors beside it, and the rest in memory.
//!
//! - `topics.rs`: publishing and reading the table.
//! - `window.rs`: what a subscription has in hand, as a pure state machine.
//! - `subscription.rs`, `consumer.rs`: the consumers of this process and how they take turns.
//! - `claim.rs`: which process serves a durable subscription (a lock file, which the system frees when it dies).
//! - `compaction.rs`: messages that replace earlier ones of their key.
//! - `cursors.rs`: durable cursors, written together after a short while.
//! - `retention.rs`: what is given up before its age when the topics are nearly full.
//! - `state.rs`: the bus's part of the open database. `port.rs`: the port.
//!
//! Messages of this process wake its consumers at once; those of other processes are found by polling.

mod claim;
pub(super) mod compaction;
mod consumer;
mod cursors;
mod port;
pub(super) mod retention;
mod state;
mod subscription;
pub(super) mod topics;
mod window;

pub use port::SqliteBus;
pub(super) use state::BusState;
