//! The ports of the process itself: wall clock, randomness, ids.

mod clock;
mod ids;
mod rng;

pub use clock::SystemClock;
pub use ids::SystemIds;
pub use rng::{SeededRng, SystemRng};
