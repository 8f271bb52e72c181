//! The compositions: from a configuration to the ports of an instance. Only these files name a technology.

mod embedded;
mod error;
mod instance;

pub use embedded::{Embedded, backup, migrate, restore};
pub use error::WiringError;
