//! For tests (feature `testing`): a database of a test's own on a server that it was given ([`ScratchDatabase`]), and a
//! server that speaks TDS and runs no SQL ([`Fake`]), whose answers a [`script`] gives. The second shows what we do about
//! answers, losses and silence; never that a statement is right.

mod fake;
mod scratch;
pub mod script;
mod tds;

pub use fake::{Fake, Kind, Reply, Request};
pub use scratch::ScratchDatabase;
pub use tds::{Cell, Table};
