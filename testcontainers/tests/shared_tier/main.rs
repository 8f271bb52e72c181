//! Redis: the conformance of both ports of coherence, by the functions that the in-process forms pass. What else holds on
//! Redis, a cluster among it, is the suite of `coherence-redis`.

// A case fails by panicking; without the standard harness clippy takes it for a program.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[cfg(feature = "production")]
mod conformance;
#[cfg(feature = "production")]
mod found;
#[cfg(feature = "production")]
#[path = "../../../system/coherence-redis/tests/redis/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the suite of coherence-redis needs more of it than we do")]
mod redis;

use std::process::ExitCode;

#[cfg(feature = "production")]
fn main() -> ExitCode {
    let server = found::server();
    containers::Suite::new()
        .case("the_shared_tier_conforms", &server, conformance::the_shared_tier_conforms)
        .case("the_backplane_conforms", &server, conformance::the_backplane_conforms)
        .run()
}

#[cfg(not(feature = "production"))]
fn main() -> ExitCode {
    containers::without_production("shared_tier")
}
