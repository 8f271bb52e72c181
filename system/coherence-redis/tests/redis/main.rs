//! What holds on real servers. Where there are none, every test is ignored and says why; with `SMARTPULSE_REQUIRE=redis`
//! that is a failure.

mod conformance;
mod connections;
mod harness;
mod outages;
mod scripts;
mod suite;
mod system;
mod topology;
mod wire;

fn main() -> std::process::ExitCode {
    suite::run()
}
