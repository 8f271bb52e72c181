//! The store, its change feed and the notifications in SQL Server. The bus is elsewhere: a commit's events are rows of the
//! outbox.
//!
//! [`SqlServer::open`] gives the handle; its [`store`](SqlServer::store), [`feed`](SqlServer::feed) and
//! [`notifications`](SqlServer::notifications) are the ports. The app calls [`SqlServer::prune`] at the interval that
//! `config.rs` names, and nothing in it migrates: [`migrate`] is called by an operator's command.
//!
//! Statements are files in `sql/`, migrations files in `schema/`; `statements.rs` says what each takes and answers. A
//! statement's parameters are counted by its type. Lists travel as JSON, so that a statement's text does not depend on how
//! many there are; rows of forecasts travel as parameters, since their floats must arrive bit by bit.
//!
//! Reads rest on `READ_COMMITTED_SNAPSHOT`: each statement sees one state, and waits for no writer. Writes lock the rows
//! that they looked at; the server ends one of two that wait for each other, and it is done again (`connection/transaction.rs`).

mod config;
mod connection;
mod database;
mod errors;
mod examine;
mod feed;
mod leases;
mod migrations;
mod notifications;
mod outbox;
mod parking;
mod prune;
mod row;
mod statement;
mod statements;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use config::{CONNECTIONS_MAX, FeedMode, PRUNE_INTERVAL, SqlServerConfig};
pub use database::SqlServer;
pub use errors::SqlServerError;
pub use examine::{Capture, Examination, Tracking, examine};
pub use feed::SqlServerFeed;
pub use migrations::{Due, Migrated, Phase, Settings, check, dry_run, migrate};
pub use notifications::SqlServerNotifications;
pub use prune::Pruned;
pub use store::SqlServerStore;
