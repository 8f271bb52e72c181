//! Serving: from a listener to answers, and to an orderly end.
//!
//! [`serve`] accepts from any `axum::serve::Listener`, so that the simulation's network fits as well as TCP. Each
//! connection is one [task](connection) with one coarse timer; no request sets a timer of its own. The end is a
//! [`Drain`]: readiness turns 503, after a delay the listener closes, running requests finish, a deadline ends the rest.
//! Background jobs are [`Tasks`]: named, supervised, drained too; the panic of a critical one drains the process.

pub mod accept;
pub mod activity;
pub mod connection;
pub mod drain;
mod reachable;
pub mod tasks;

pub use accept::{ServeLimits, Served, listen, serve};
pub use drain::Drain;
pub use reachable::reachable;
pub use tasks::{Importance, Tasks, TasksReport};
