//! L4 in SQLite: one file per question, and the one that writes. The trait's methods only point there.

mod commit;
mod find;
mod get;
mod idempotency;
mod incarnation;
mod list;
mod port;
mod versions;

#[cfg(test)]
pub(super) use list::page_sql;
pub use port::SqliteStore;
