//! The forecast model, the ports that its use cases need, and the use cases. No driver, no HTTP, no file system.
#![deny(missing_docs)]

mod backoff;
#[cfg(feature = "testing")]
pub mod conformance;
pub mod event;
pub mod forecast;
mod leader;
pub mod model;
pub mod monitor;
pub mod notification;
pub mod ports;
pub mod relay;
pub mod roads;
pub mod sync;
pub mod tracker;
pub mod wake;

pub use leader::LeaseTimes;
pub use wake::Wake;
