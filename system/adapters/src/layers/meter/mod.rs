//! Counts of calls, their errors and their durations, told to whoever keeps metrics: adapters know no metrics library.

mod backplane;
mod bus;
mod call;
mod feed;
mod lease;
mod notifications;
mod outbox;
mod parking;
mod shared;
mod store;

pub use backplane::MeterBackplane;
pub use bus::MeterBus;
pub use call::{Call, Meter};
pub use feed::MeterFeed;
pub use lease::MeterLeases;
pub use notifications::MeterNotifications;
pub use outbox::MeterOutbox;
pub use parking::MeterParking;
pub use shared::MeterShared;
pub use store::MeterStore;
