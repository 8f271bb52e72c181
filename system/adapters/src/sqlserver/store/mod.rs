//! L4 in SQL Server: `reads` are the questions of one statement each, `list` the one whose text depends on its filters;
//! `commit` is the write, with what it `look`s at first and the `rows` that it writes.

mod commit;
pub(super) mod list;
mod look;
mod port;
mod reads;
pub(super) mod rows;

pub use port::SqlServerStore;
pub(super) use reads::kept_answer;
#[cfg(test)]
pub(super) use reads::lookup;
