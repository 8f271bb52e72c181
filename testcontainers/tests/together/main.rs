//! The services whole: three processes on one SQLite file, a real Redis and a real Pulsar, watched over HTTP alone.

// A case fails by panicking; without the standard harness clippy takes it for a program. Real servers have real time.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[cfg(feature = "production")]
mod calm;
#[cfg(feature = "production")]
mod client;
#[cfg(feature = "production")]
mod group;
#[cfg(feature = "production")]
mod load;
#[cfg(feature = "production")]
mod propagation;
#[cfg(feature = "production")]
#[path = "../../../system/coherence-redis/tests/redis/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the suite of coherence-redis needs more of it than we do")]
mod redis;
#[cfg(feature = "production")]
mod stream;

use std::process::ExitCode;

#[cfg(feature = "production")]
fn main() -> ExitCode {
    client::install_tls();
    let broker = containers::pulsar::Broker::server();
    containers::Suite::new()
        .one_at_a_time()
        .fallible("2000_patches_round_robin", &broker, calm::two_thousand_patches)
        .fallible("propagation", &broker, propagation::propagation)
        .run()
}

#[cfg(not(feature = "production"))]
fn main() -> ExitCode {
    containers::without_production("together")
}
