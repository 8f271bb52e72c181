//! Leading: one process at a time, by a lease in the store (DESIGN section 3.5, "Take-over").
//!
//! ```text
//!   elected ──lease──> work
//!      ^                │ beside it: keep, which prolongs the lease and ends at its deadline
//!      └── lost, or given up ──┘
//! ```
//!
//! The holder's monotonic deadline is taken *before* each call that gives or prolongs the lease, so that it stops before
//! the store lets another process have it. What it does not notice (a frozen process that wakes) its token tells others.

mod candidate;
mod on_drop;
mod times;

pub(crate) use candidate::{Candidate, Lost, Term};
pub(crate) use on_drop::OnDrop;
pub use times::LeaseTimes;
pub(crate) use times::{GIVE_WAY_AFTER, STAND_BACK};
