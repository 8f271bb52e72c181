//! What is SQLite's own.

mod attack;
mod backups;
mod bare_statements;
mod bounds;
mod compaction;
mod crash;
mod leases;
mod light;
mod model;
mod openings;
mod outbox;
mod parking;
mod support;
mod upgrade;

pub(crate) use support::{Database, HOURS};
