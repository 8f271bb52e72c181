//! Several instances of one process, with their jobs, in real time: what carries a change from one to the others.
//!
//! [`support`] runs them, [`events`] reads their event streams. The other files are one theme each.

mod admin;
mod changes;
pub(crate) mod events;
mod propagation;
mod support;
mod tickets;
mod told;
pub(crate) mod trace;
mod trust;
