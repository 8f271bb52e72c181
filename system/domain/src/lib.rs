//! The forecast model, the ports that its use cases need, and the use cases. No driver, no HTTP, no file system.
#![deny(missing_docs)]

#[cfg(feature = "testing")]
pub mod conformance;
pub mod event;
pub mod forecast;
pub mod model;
pub mod ports;
