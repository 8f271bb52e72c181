//! What a [`NotificationStore`](crate::ports::NotificationStore) must do.

mod accepting;
mod claims;
mod deliveries;
mod devices;
mod harness;
mod inbox;
mod mails;
mod queue;
mod recipients;
pub mod samples;
mod suite;

pub use accepting::*;
pub use claims::*;
pub use deliveries::*;
pub use devices::*;
pub use harness::NotificationHarness;
pub use inbox::*;
pub use mails::*;
pub use queue::*;
pub use recipients::*;
pub use suite::run_all;
