//! The store, its change feed and the bus in one SQLite file: the embedded default.
//!
//! One transaction holds a write's rows, their capture for the feed, and its events: the topics' table *is* the outbox.
//! Triggers write the capture, so that it also holds what a bare statement did. [`Sqlite::open`] gives the handle; its
//! [`store`](Sqlite::store), [`feed`](Sqlite::feed), [`bus`](Sqlite::bus) and
//! [`notifications`](Sqlite::notifications), which has tables of its own, are the ports. The app calls
//! [`checkpoint`](Sqlite::checkpoint) and [`prune`](Sqlite::prune) at the intervals that `config.rs` names.
//!
//! Each statement costs two hand-overs between a task and the connection's thread, more than SQLite needs for the work
//! itself: so statements are counted, not rows. A commit is two calls; three, if it writes many rows.

mod backup;
mod bus;
mod checkpoint;
mod config;
mod connection;
mod database;
mod errors;
mod examine;
mod feed;
mod files;
mod leases;
mod migrations;
mod notifications;
mod outbox;
mod parking;
#[cfg(test)]
mod plans;
mod prune;
mod restore;
mod row;
mod store;

pub use backup::backup;
pub use bus::SqliteBus;
pub use config::{CHECKPOINT_INTERVAL, PRUNE_INTERVAL, SqliteConfig};
pub use database::Sqlite;
pub use errors::SqliteError;
pub use examine::{FileExamination, examine_file};
pub use feed::SqliteFeed;
pub use migrations::{Migrated, look_at_file, migrate_file, texts_after};
pub use notifications::SqliteNotifications;
pub use prune::Pruned;
pub use restore::{Restored, restore};
pub use store::SqliteStore;
