//! Counts of calls, their errors and their durations, told to whoever keeps metrics: adapters know no metrics library.

mod backplane;
mod bus;
mod call;
mod feed;
mod lease;
mod mail;
mod notifications;
mod outbox;
mod parking;
mod push;
mod shared;
mod store;

pub use backplane::MeterBackplane;
pub use bus::MeterBus;
pub use call::{Call, Meter};
pub use feed::MeterFeed;
pub use lease::MeterLeases;
pub use mail::MeterMail;
pub use notifications::MeterNotifications;
pub use outbox::MeterOutbox;
pub use parking::MeterParking;
pub use push::MeterPush;
pub use shared::MeterShared;
pub use store::MeterStore;
