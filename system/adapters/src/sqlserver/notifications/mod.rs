//! The store of notifications, in tables of its own (`schema/0006_notifications.sql`).
//!
//! `handle` runs the calls; `columns` reads what the tables hold; `claim` is how work is handed out. The others are the
//! port's parts.

mod accept;
mod claim;
mod columns;
mod deliveries;
mod devices;
mod enqueue;
mod handle;
mod inbox;
mod mail;
mod push;
mod queue;
mod recipients;
mod write;

#[cfg(test)]
pub(super) use deliveries::log;
pub use handle::SqlServerNotifications;
#[cfg(test)]
pub(super) use mail::{QUEUE, QUEUE_COLUMNS, intent as mail_intent};
#[cfg(test)]
pub(super) use push::intent as push_intent;
#[cfg(test)]
pub(super) use queue::mail as mail_to_send;
#[cfg(test)]
pub(super) use write::inbox_text;
