//! The invariants, one file each, fed by the log record by record.

mod checker;
mod commits;
mod put_back;
mod requests;

mod c1_monotonic;
mod c2_no_future;
mod c3_bounded;
mod c4_own_writes;
mod c5_gap_seen;
mod c6_tags;
mod c7_converge;
mod c8_notify_once;
mod marks;
mod notify;
mod s1_acknowledged;
mod s1_order;
mod s1_stations;
mod s2_answers;
mod s3_announced;

#[cfg(test)]
mod forge;

pub(crate) use c7_converge::FINAL;
pub use checker::{Checker, Checkers, INVARIANTS, Rules, Violation};
pub use marks::{Marks, REQUIRED};
