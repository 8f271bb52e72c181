//! What the tiers must answer, computed and not measured: an exact simulation of L1, L2 and L3 for the very keys that the run
//! asks for, and the closed form of caches that know what is popular.

mod closed_form;
mod tiers;

pub use closed_form::ideal_shares;
pub use tiers::{Sizes, Tiers};
