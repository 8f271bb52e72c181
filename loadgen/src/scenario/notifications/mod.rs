//! Notifications: who is told, what tells them, and when each channel had it.
//!
//! People have a browser, an app and a mail address, all of them sinks of ours, and an event stream of their inbox. A
//! notification is a forecast that its user completes, or a message from somebody else. So few come at a time that a person has
//! heard of one before the next: an arrival belongs to the last notification before it.

mod inboxes;
mod join;
mod people;
mod run;
mod traffic;

pub use join::{ChannelTimes, Notified};
pub(super) use run::execute_notifications;
