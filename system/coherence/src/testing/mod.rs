//! For tests of whatever builds on this crate: a clock, a seeded generator, and a backplane that loses, repeats and
//! reorders; and the gap machine for benches.

mod clock;
mod gap;
mod lossy;
mod seed;

pub use clock::TestClock;
pub use gap::follow_in_order;
pub use lossy::{Fate, LossyBackplane};
pub use seed::Seed;
