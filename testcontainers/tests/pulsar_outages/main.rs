//! Pulsar is killed, frozen, and unloads our topics, under load. The broker is a local process of our own.

// A case fails by panicking; without the standard harness clippy takes it for a program.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[cfg(feature = "production")]
mod load;
#[cfg(feature = "production")]
mod outages;

use std::process::ExitCode;

#[cfg(feature = "production")]
fn main() -> ExitCode {
    let broker = containers::pulsar::Broker::breakable();
    containers::Suite::new()
        .one_at_a_time()
        .case("topics_are_unloaded", &broker, outages::topics_are_unloaded)
        .fallible("the_broker_restarts_at_once", &broker, outages::the_broker_restarts_at_once)
        .long("the_broker_is_frozen", &broker, outages::the_broker_is_frozen)
        .long("the_broker_is_away_for_long", &broker, outages::the_broker_is_away_for_long)
        .run()
}

#[cfg(not(feature = "production"))]
fn main() -> ExitCode {
    containers::without_production("pulsar_outages")
}
