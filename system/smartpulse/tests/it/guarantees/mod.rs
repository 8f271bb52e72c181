//! C1 to C7 with real tasks and real time: three whole instances over one SQLite file, with faults on the way.
//!
//! The same guarantees under paused time: `coherence/tests/it/follow`, `domain/tests/it/pipeline`.

mod group;
mod on_sqlite;
