//! The use cases over the memory adapters, under paused time.

mod batch;
pub(super) mod harness;
mod idempotency;
mod lists;
mod races;
mod reads;
mod writes;
