//! The connections: how one is made, how it is used, and who gets it next.
//!
//! The driver neither resets a connection nor knows that one is of no use any more: `session` marks it while a call is
//! under way, so that a dropped future, a timeout or a half-sent load leaves the mark, and the connection is closed instead
//! of handed out again. `pool` resets each one before it is handed out.

mod open;
mod pool;
mod session;
mod transaction;

pub(super) use pool::Pool;
pub(super) use session::Session;
pub(super) use transaction::{Stop, answers, transaction};
