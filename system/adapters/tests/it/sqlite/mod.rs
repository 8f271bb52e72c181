//! What is SQLite's own.

mod backups;
mod bare_statements;
mod bounds;
mod compaction;
mod crash;
mod leases;
mod light;
mod model;
mod notifications;
mod openings;
mod outbox;
mod parking;
mod support;
mod unread;
mod upgrade;

pub(crate) use support::{Database, HOURS};
