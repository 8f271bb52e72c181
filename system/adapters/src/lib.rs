//! The ports of SmartPulse on real technologies, one folder each; README.md has the matrix. Only wiring names them.

pub mod layers;
pub mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod system;
