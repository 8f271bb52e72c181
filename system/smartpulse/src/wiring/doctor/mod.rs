//! The looks of `smartpulse doctor`: one file for each backend. They change nothing, save that the look at Pulsar sends some
//! messages over a topic of its own.

mod look;
mod machine;
#[cfg(feature = "production")]
mod pulsar;
#[cfg(feature = "production")]
mod redis;
mod sqlite;
#[cfg(feature = "production")]
mod sqlserver;

pub use look::examine;
