//! One test binary: the conformance suites on every adapter that needs nothing installed, and what is each adapter's own.

mod conformance;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
