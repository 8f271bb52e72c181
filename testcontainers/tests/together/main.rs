//! The services whole: three processes on one SQLite file, a real Redis and a real Pulsar, watched over HTTP alone.

// A case fails by panicking; without the standard harness clippy takes it for a program. Real servers have real time.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[cfg(feature = "production")]
mod calm;
#[cfg(feature = "production")]
mod client;
#[cfg(feature = "production")]
mod events;
#[cfg(feature = "production")]
mod group;
#[cfg(feature = "production")]
mod load;
#[cfg(feature = "production")]
mod outages;
#[cfg(feature = "production")]
mod promotion;
#[cfg(feature = "production")]
mod propagation;
#[cfg(feature = "production")]
#[path = "../../../system/coherence-redis/tests/redis/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the suite of coherence-redis needs more of it than we do")]
mod redis;
#[cfg(feature = "production")]
mod scene;
#[cfg(feature = "production")]
mod secrets;
#[cfg(feature = "production")]
mod stream;
#[cfg(feature = "production")]
mod tickets;
#[cfg(feature = "production")]
mod wire;

use std::process::ExitCode;

#[cfg(feature = "production")]
fn main() -> ExitCode {
    client::install_tls();
    let broker = containers::pulsar::Broker::server();
    containers::Suite::new()
        .one_at_a_time()
        .fallible("2000_patches_round_robin", &broker, calm::two_thousand_patches)
        .fallible("propagation", &broker, propagation::propagation)
        .fallible("others_see_the_specification", &broker, wire::others_see_the_specification)
        .fallible("no_secret_is_logged", &broker, secrets::no_secret_is_logged)
        .fallible("short_outages", &broker, outages::short)
        .long("redis_is_away_for_25_s", &broker, outages::redis_is_away)
        .long("redis_comes_back_empty", &broker, outages::redis_comes_back_empty)
        .long("redis_is_frozen_for_10_s", &broker, outages::redis_is_frozen)
        .long("a_replica_1_s_behind_is_promoted", &broker, promotion::a_replica_is_promoted)
        .long("pulsar_is_away_for_50_s", &broker, outages::pulsar_is_away)
        .long("pulsar_is_frozen_for_12_s", &broker, outages::pulsar_is_frozen)
        .run()
}

#[cfg(not(feature = "production"))]
fn main() -> ExitCode {
    containers::without_production("together")
}
