//! Pulsar: the bus's conformance, and what is the adapter's own.

#[cfg(feature = "production")]
mod conformance;
#[cfg(feature = "production")]
mod support;

use std::process::ExitCode;

#[cfg(feature = "production")]
fn main() -> ExitCode {
    let broker = containers::pulsar::Broker::server();
    containers::Suite::new().case("the_bus_conforms", &broker, conformance::the_bus_conforms).run()
}

#[cfg(not(feature = "production"))]
fn main() -> ExitCode {
    containers::without_production("pulsar")
}
