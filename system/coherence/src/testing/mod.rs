//! For tests of whatever builds on this crate: a clock, a seeded generator, and a backplane that loses, repeats and
//! reorders.

mod clock;
mod lossy;
mod seed;

pub use clock::TestClock;
pub use lossy::{Fate, LossyBackplane};
pub use seed::Seed;
