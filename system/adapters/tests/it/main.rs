//! One test binary: the conformance suites on every adapter that needs nothing installed, and what is each adapter's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are outside their functions"
)]

#[cfg(all(feature = "smtp", feature = "templates"))]
mod channels;
mod conformance;
mod layers;
#[cfg(all(feature = "smtp", feature = "templates"))]
mod mail;
mod memory;
mod notification_layers;
mod push;
mod recovery;
#[cfg(feature = "sqlite")]
mod sqlite;
