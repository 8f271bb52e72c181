//! The compositions: from a configuration to the ports of an instance. Only these files name a technology.

mod channel_error;
mod channels;
mod embedded;
mod error;

pub use channel_error::ChannelError;
pub use embedded::{Embedded, backup, migrate, raise_incarnation, restore};
pub use error::WiringError;
