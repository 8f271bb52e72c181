//! One deadline on every await on a backend.
//!
//! What the deadline cut off may still have taken effect: a port's `Timeout` says so. Waiting for a message has no
//! deadline, since it is no trouble if none comes.
//!
//! Push services and the mail server have none here. An attempt at a push ends by its sender's deadline, which is part of
//! the use case and seen by the simulation. In a mail it matters which of its steps took too long: before the final dot the
//! server cannot have taken it, after it nobody knows. So the deadlines of SMTP are inside its adapter, and a layer around
//! it could only turn mails that can go again into mails that wait for a person.

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
