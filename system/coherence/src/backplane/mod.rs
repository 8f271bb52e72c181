//! The backplane: how a change reaches every instance. The port, its in-process form and its conformance suite.
//!
//! A change is written in two steps, each atomic on what one server of a cluster holds: the value
//! ([`crate::SharedTier::write`]), then the message with its place in the stream ([`Backplane::publish`]). Pub/Sub is the
//! fast path, the stream the repair path, the source the truth.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod memory;
mod port;

pub use memory::{BackplaneSnapshot, MemoryBackplane, MemoryBackplaneLimits};
pub use port::{
    Backplane, BackplaneDelivery, BackplaneError, BackplaneSubscription, Claimed, Publication, Published, Replay,
};
