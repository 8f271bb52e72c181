//! The guarantees C1 to C6, checked from outside: what was written, what was seen, and what of it should not have been.

mod book;
mod ledger;

pub use book::Version;
pub use ledger::{Asked, Bounds, By, Counts, Ledger, Shown};
