//! Pulsar: the bus's conformance.

use std::process::ExitCode;

fn main() -> ExitCode {
    containers::without_production("pulsar")
}
