//! The ports of the process itself: wall clock, randomness, ids.

mod clock;
mod ids;
mod private;
mod rng;

pub use clock::SystemClock;
pub use ids::SystemIds;
pub use private::{make_private_file, make_private_folder};
pub use rng::{SeededRng, SystemRng};
