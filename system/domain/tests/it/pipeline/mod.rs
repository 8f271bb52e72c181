//! The pipeline from end to end over the memory adapters, under paused time: several instances, each with its own tiers.

mod cluster;
mod faults;
mod flow;
mod giving_way;
mod history;
mod holes;
mod monitor;
pub(crate) mod ports;
mod relay;
mod roads;
mod silence;
mod sizes;
mod takeover;
mod wire;
