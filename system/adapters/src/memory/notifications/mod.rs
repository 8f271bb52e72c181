//! The store of notifications in memory: [`tables`] holds the state, [`work`] what is due and who holds it; the other files
//! are the port's parts. [`snapshot`] is what a database administrator may do, [`faults`] what a network may.

mod accept;
mod deliveries;
mod devices;
mod faults;
mod handle;
mod inbox;
mod mail;
mod push;
mod queue;
mod recipients;
mod snapshot;
mod tables;
mod work;

pub use faults::{MemoryNotificationFaults, NotificationFault};
pub use handle::MemoryNotifications;
pub use snapshot::MemoryNotificationsSnapshot;
