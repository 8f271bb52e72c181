//! Faults as data: a seed becomes a plan, a plan can be printed, stored and replayed, and the nemesis carries it out.

mod draw;
mod nemesis;
mod permanent;
mod plan;
mod providers;

pub use draw::draw;
pub use nemesis::Nemesis;
pub use plan::{Family, Fault, Kind, Plan, Road};
