//! Behaviour of the cache as its users see it. Each race test names the mechanism without which it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unreachable_pub)]

mod conformance;
mod follow;
mod lives;
mod model;
mod output;
mod races;
mod reads;
mod stress;
mod support;
mod wire;
