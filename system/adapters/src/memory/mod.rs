//! Every port in memory: for the simulation, for tests under paused time, and as the plainest statement of what the ports
//! mean. Nothing survives the process.
//!
//! Messages are kept as the bytes that would travel and decoded again on each delivery, so that what cannot be encoded
//! cannot be published here either. Everything is ordered; wall time comes from a port, expiry follows tokio's time.
//!
//! ```text
//!   MemoryStore ──commit──> rows, tombstones, capture (the change feed); leases and parked events beside them
//!        └─────in the same lock──> MemoryBus: a log for each topic, cursors for each subscription
//!                                  (or, made with `MemoryStore::with_outbox`, an outbox)
//! ```
//!
//! `MemoryNotifications` stands apart: the services share no table.

mod bus;
mod config;
mod notifications;
mod store;

pub use bus::{BusFaults, MemoryBus};
pub use config::{MemoryBusConfig, MemoryStoreConfig};
pub use notifications::{
    MemoryNotificationFaults, MemoryNotifications, MemoryNotificationsSnapshot, NotificationFault,
};
pub use store::{MemorySnapshot, MemoryStore};
