//! The compositions: from a configuration to the ports of an instance. Only these files name a technology.

mod channel_error;
mod channels;
mod directory;
mod embedded;
mod error;
mod vapid;
#[cfg(feature = "production")]
mod sqlserver;
#[cfg(feature = "production")]
mod production;
#[cfg(feature = "production")]
mod redis_tickets;

pub use channel_error::ChannelError;
pub use directory::Directory;
pub use embedded::{Embedded, backup, migrate, raise_incarnation, restore};
pub use error::WiringError;
pub use vapid::{NewVapidKey, new_vapid_key};
#[cfg(feature = "production")]
pub use sqlserver::{notifications_on_sqlserver, on_sqlserver, open_sqlserver};
