//! What holds on real servers. Where there are none, every test is ignored and says why; with `SMARTPULSE_REQUIRE=redis`
//! that is a failure.
// A harness of its own is no `cfg(test)`; and real servers run on the machine's time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_types, clippy::disallowed_methods)]

mod conformance;
mod connections;
mod harness;
mod one_time;
mod outages;
mod propagation;
mod scripts;
mod suite;
mod system;
mod topology;
mod wire;

fn main() -> std::process::ExitCode {
    suite::run()
}
