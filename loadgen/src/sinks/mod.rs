//! What notifications are sent to: push services and a mail server on this machine, which take everything and note when.
//!
//! They hold nothing of what they get: who it is for is in the path (Web Push), in the token (FCM) or in the address (mail).

mod account;
mod arrivals;
mod http;
mod smtp;
mod start;

pub use arrivals::{Arrivals, Channel, Landed};
pub use start::Sinks;
