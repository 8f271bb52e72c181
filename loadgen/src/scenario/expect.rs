//! What the tiers must answer to a scenario.

use super::file::Scenario;
use super::planner::Planner;
use crate::failure::Failure;
use crate::model::{Tiers, ideal_shares};

/// Shares of L1 to L4 among the reads after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// As the exact simulation has it.
    pub simulated: [f64; 4],
    /// As tiers that know what is popular would have it.
    pub ideal: [f64; 4],
    /// Entries that fit into L1, L2 (of each instance) and L3.
    pub entries: [usize; 3],
}

/// Simulates a scenario; nothing where it states no sizes.
///
/// # Errors
/// The scenario has no schedule.
pub fn expect(scenario: &Scenario, instances: usize, size: usize) -> Result<Option<Expected>, Failure> {
    let Some(sizes) = scenario.sizes else { return Ok(None) };
    let mut planner = Planner::new(scenario, instances, size);
    let ideal = ideal_shares(planner.zipf(), &sizes);
    let mut tiers = Tiers::new(sizes, instances, size);
    let warm_up_ns = u64::try_from(scenario.warm_up().as_nanos()).unwrap_or(u64::MAX);
    let (mut counts, mut total) = ([0_u64; 4], 0_u64);
    for (index, due_ns) in (0..).zip(scenario.schedule()?) {
        let planned = planner.next(index);
        let level = tiers.read(planned.target, planned.item, due_ns);
        if due_ns >= warm_up_ns {
            counts[level as usize] += 1;
            total += 1;
        }
    }
    let simulated = counts.map(|count| count as f64 / total.max(1) as f64);
    Ok(Some(Expected { simulated, ideal, entries: sizes.entries() }))
}
