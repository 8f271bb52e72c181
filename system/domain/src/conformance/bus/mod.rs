//! What a [`Bus`](crate::ports::Bus) must do.

mod delivery;
mod durable;
mod harness;
mod newest;
mod outbox;
mod sharing;
mod suite;
mod topics;

pub use delivery::*;
pub use durable::*;
pub use harness::BusHarness;
pub use newest::*;
pub use outbox::*;
pub use sharing::*;
pub use suite::run_all;
pub use topics::*;

use harness::{
    DEADLINE, QUIET, TOPIC, exclusive, expect, expect_nothing, join, publish, receive, shared, subscription, take, text,
};
