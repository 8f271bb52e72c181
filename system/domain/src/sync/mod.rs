//! SyncService: from `cdc:forecasts` to the section's stream, in one process at a time (DESIGN sections 3.3 to 3.5).
//!
//! ```text
//!   lease ──> claim the section (the token first of all) ──> subscribe (exclusive, durable)
//!     message ──judge──> refused: a tracker of an earlier term        ─┐
//!                        known: this counter was seen                  │
//!                        a hole, another life: a new stream epoch ──┐  ├──> acknowledge, through this message
//!                        it follows ──> publish (value, message) <──┘ ─┤
//!                        beacon     ──> announce (the head)           ─┤
//!                        poison     ──> park it, publish a pull       ─┘
//! ```
//!
//! - `run`: one term after the other; `term`: the messages of a term; `write`: what goes to the stream, with its retries
//! - `progress`: what a message means, given those before it. Pure
//! - `convert`: from a message to a change; `parked`: what operators do with parked events
//! - `config`, `status`: the edges

mod config;
mod convert;
mod parked;
mod progress;
mod run;
mod status;
mod term;
mod write;

pub use config::{SUBSCRIPTION, SyncConfig, SyncPorts};
pub use parked::{ParkedDesk, ParkedDeskError};
pub use run::SyncService;
pub use status::{SyncStatus, SyncStatusHandle};
