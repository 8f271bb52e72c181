//! From a plan that fails to the smallest one that fails in the same way.
//!
//! Delta debugging over the list of faults, then shorter faults, simpler faults, a shorter storm, no writes behind; again
//! until nothing changes. All of it is a function of the plan and of one question, "does it still fail so?", so that the
//! result is the same however many candidates are judged at the same time.

mod ddmin;
mod failure;
mod search;
mod simpler;

pub use ddmin::ddmin;
pub use failure::Failure;
pub use search::{Judge, Shrunk, shrink};
pub use simpler::simpler;
