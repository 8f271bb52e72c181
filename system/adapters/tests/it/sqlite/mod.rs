//! What is SQLite's own.

mod backups;
mod bare_statements;
mod bounds;
mod crash;
mod model;
mod openings;
mod support;

pub(crate) use support::{Database, HOURS};
