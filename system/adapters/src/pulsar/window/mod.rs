//! What one consumer received and did not see acknowledged. No awaits, no clocks: times come in.

mod counts;
mod ordered;
mod shared;
mod turn;

pub(super) use turn::{Turn, Window};

#[cfg(test)]
pub(super) use ordered::tests;
