//! The compositions: from a configuration to the ports of an instance. Only these files name a technology.

mod channel_error;
mod channels;
mod directory;
mod doctor;
mod embedded;
mod error;
mod incarnation;
mod migrations;
#[cfg(feature = "production")]
mod production;
#[cfg(feature = "production")]
mod pulsar;
#[cfg(feature = "production")]
mod redis;
#[cfg(feature = "production")]
mod redis_tickets;
mod sinks;
#[cfg(feature = "production")]
mod sqlserver;
mod system;
mod vapid;

pub use channel_error::ChannelError;
pub use directory::Directory;
pub use doctor::examine;
pub use embedded::{Embedded, backup, restore};
pub use error::WiringError;
pub use incarnation::raise_incarnation;
pub use migrations::{DueMigration, MigrationPhase, Standing, bring, standing, statements};
pub use system::System;
pub use vapid::{NewVapidKey, new_vapid_key};
