//! The compositions: from a configuration to the ports of an instance. Only these files name a technology.

mod embedded;
mod error;
#[cfg(feature = "production")]
mod pulsar;

pub use embedded::{Embedded, backup, migrate, raise_incarnation, restore};
pub use error::WiringError;
