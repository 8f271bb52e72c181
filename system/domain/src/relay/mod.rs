//! The relay of the outbox, where the bus is not the store: what a commit left there goes to the bus.
//!
//! - `run`: woken by local commits, and sweeping what a crash left behind

mod run;

pub use run::{OutboxRelay, RELAY_BATCH, RelayPorts, RelayStatus, RelayStatusHandle, SWEEP_EVERY};
