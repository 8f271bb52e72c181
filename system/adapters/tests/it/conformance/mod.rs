//! The ports' suites (`domain::conformance`), on each adapter that needs no server; the others' are in `testcontainers/`.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
