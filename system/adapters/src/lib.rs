//! The ports of SmartPulse on real technologies, one folder each; README.md has the matrix. Only wiring names them.

#[cfg(feature = "fcm")]
pub mod fcm;
pub mod layers;
pub mod memory;
#[cfg(feature = "outgoing")]
pub mod outgoing;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod system;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "webpush")]
pub mod webpush;
