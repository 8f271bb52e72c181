//! The ports of SmartPulse on real technologies, one folder each; README.md has the matrix. Only wiring names them.

#[cfg(feature = "fcm")]
pub mod fcm;
pub mod layers;
pub mod memory;
#[cfg(feature = "smtp")]
pub mod mime;
#[cfg(feature = "smtp")]
pub mod outbox_files;
#[cfg(feature = "outgoing")]
pub mod outgoing;
#[cfg(feature = "pulsar")]
pub mod pulsar;
#[cfg(feature = "smtp")]
pub mod smtp;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "sqlserver")]
pub mod sqlserver;
pub mod system;
#[cfg(feature = "templates")]
pub mod templates;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "webpush")]
pub mod webpush;
