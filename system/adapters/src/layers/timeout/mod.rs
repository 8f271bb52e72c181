//! One deadline on every await on a backend.
//!
//! What the deadline cut off may still have taken effect: a port's `Timeout` says so. Waiting for a message has no
//! deadline, since it is no trouble if none comes.

mod backplane;
mod bus;
mod deadline;
mod feed;
mod lease;
mod notifications;
mod outbox;
mod parking;
mod shared;
mod store;

pub use backplane::TimeoutBackplane;
pub use bus::TimeoutBus;
pub use feed::TimeoutFeed;
pub use lease::TimeoutLeases;
pub use notifications::TimeoutNotifications;
pub use outbox::TimeoutOutbox;
pub use parking::TimeoutParking;
pub use shared::TimeoutShared;
pub use store::TimeoutStore;
