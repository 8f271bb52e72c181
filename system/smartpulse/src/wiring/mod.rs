//! The compositions: from a configuration to the ports of an instance. Only these files name a technology.

mod channel_error;
mod channels;
mod directory;
mod embedded;
mod error;
#[cfg(feature = "production")]
mod production;
#[cfg(feature = "production")]
mod pulsar;
#[cfg(feature = "production")]
mod redis_tickets;
#[cfg(feature = "production")]
mod sqlserver;
mod vapid;

pub use channel_error::ChannelError;
pub use directory::Directory;
pub use embedded::{Embedded, backup, migrate, raise_incarnation, restore};
pub use error::WiringError;
#[cfg(feature = "production")]
pub use sqlserver::{notifications_on_sqlserver, on_sqlserver, open_sqlserver};
pub use vapid::{NewVapidKey, new_vapid_key};
