//! What each arrival does, from the seed alone: the model plans the same run again.

use super::file::{Mix, Scenario};
use crate::random::{Random, Zipf};

/// What an arrival asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    /// On which target.
    pub(super) target: usize,
    /// Which of the mix's kinds.
    pub(super) kind: usize,
    /// Which item of the population.
    pub(super) item: usize,
}

/// Plans arrivals, in order.
#[derive(Debug, Clone)]
pub(super) struct Planner {
    zipf: Zipf,
    keys: Random,
    kinds: Random,
    cumulative: [f64; 7],
    targets: usize,
    /// A stampede: this many arrivals ask for one item, then the next ones for another.
    herd: Option<u64>,
    size: usize,
}

impl Planner {
    /// The plan of a scenario over so many targets and items.
    pub(super) fn new(scenario: &Scenario, targets: usize, size: usize) -> Self {
        let mut sum = 0.0;
        let cumulative = scenario.mix.shares().map(|share| {
            sum += share;
            sum
        });
        let herd = (scenario.kind == super::file::Kind::Stampede).then(|| {
            // As many as one burst has.
            scenario.stages.first().map_or(1, |stage| (stage.seconds * stage.rate).round().max(1.0) as u64)
        });
        Self {
            zipf: Zipf::new(size, scenario.population.zipf, scenario.seed),
            keys: Random::new(scenario.seed),
            kinds: Random::new(scenario.seed ^ 0x6b69_6e64),
            cumulative: cumulative.map(|share| share / sum),
            targets,
            herd,
            size,
        }
    }

    /// The law of its keys.
    pub(super) const fn zipf(&self) -> &Zipf {
        &self.zipf
    }

    /// What the arrival of this number does. Called for all numbers, in order.
    pub(super) fn next(&mut self, index: u64) -> Planned {
        let targets = self.targets as u64;
        if let Some(herd) = self.herd {
            let item = (index / herd) as usize % self.size;
            return Planned { target: (index % targets) as usize, kind: 0, item };
        }
        let at = self.kinds.unit();
        let kind = self.cumulative.iter().position(|share| at < *share).unwrap_or(0);
        let item = self.zipf.sample(&mut self.keys);
        // Writes go to the first instance: the others learn of them.
        let target = if kind == Mix::PATCH { 0 } else { (index % targets) as usize };
        Planned { target, kind, item }
    }
}

impl Mix {
    /// The place of `get` among the kinds.
    pub const GET: usize = 0;
    /// Of `revalidate`.
    pub const REVALIDATE: usize = 1;
    /// Of `own_write`.
    pub const OWN_WRITE: usize = 2;
    /// Of `list`.
    pub const LIST: usize = 3;
    /// Of `patch`.
    pub const PATCH: usize = 4;
    /// Of `event`.
    pub const EVENT: usize = 5;
    /// Of `send`.
    pub const SEND: usize = 6;
    /// Their names.
    pub const NAMES: [&'static str; 7] = ["get", "revalidate", "own_write", "list", "patch", "event", "send"];
}
