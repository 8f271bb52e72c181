//! What is claimed, and what would show it.

use crate::figures::{Direction, Unit};

/// Where a claim comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// A number of the specification.
    Specification,
    /// A guarantee, C1 to C8.
    Guarantee,
    /// A number that DESIGN states.
    Design,
    /// A goal of the research (P1 to P24): a ratio within one run.
    Goal,
}

/// Who measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A bench, by its name.
    Bench(&'static str),
    /// A scenario of the load generator, by the folder of its report.
    Load(&'static str),
    /// Many seeds of the simulation.
    Swarm,
    /// Planted bugs in the simulation.
    Mutants,
    /// A suite of tests, by its name.
    Suite(&'static str),
}

/// One thing that must be so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Evidence {
    /// A figure on the good side of a limit.
    Figure {
        /// Who measured it.
        source: Source,
        /// Its name there.
        name: &'static str,
        /// The good side.
        direction: Direction,
        /// The limit, in the unit of the figure.
        limit: f64,
        /// The unit.
        unit: Unit,
    },
    /// A figure over that of another report, at most so much.
    Ratio {
        /// Who measured it, and its name there.
        of: (Source, &'static str),
        /// The other.
        over: (Source, &'static str),
        /// The limit.
        at_most: f64,
    },
    /// Tests that ran and passed.
    Tests {
        /// The suite.
        suite: &'static str,
        /// Each by the end of its path.
        names: &'static [&'static str],
    },
    /// An invariant that no seed broke; nor did any seed end otherwise.
    Invariant {
        /// C1 to C8.
        name: &'static str,
        /// So many seeds at least.
        seeds: u64,
    },
    /// Every bug that was planted against an invariant was caught.
    Caught {
        /// C1 to C8; empty: any.
        name: &'static str,
    },
    /// What would show it is not here, and why.
    Missing(&'static str),
}

/// A claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Where it comes from.
    pub section: Section,
    /// Its short name, such as `C3` or `S 6.1`.
    pub id: &'static str,
    /// The claim itself.
    pub text: &'static str,
    /// All of it must be so.
    pub evidence: Vec<Evidence>,
}

impl Section {
    /// All, in the order of the page.
    pub const ALL: [Self; 4] = [Self::Specification, Self::Guarantee, Self::Design, Self::Goal];

    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Specification => "Numbers of the specification",
            Self::Guarantee => {
                "Guarantees (simulation and load generator: all embedded; `2000_patches_round_robin`: over Redis and Pulsar)"
            }
            Self::Design => "Numbers of DESIGN, and goals set beside them (all embedded)",
            Self::Goal => "Goals: ratios within one run (embedded, but where a backend is named)",
        }
    }
}

impl Source {
    /// The file of its report, in the folder of reports.
    pub fn file(self) -> String {
        match self {
            Self::Bench(name) => format!("data/bench/{name}.json"),
            Self::Load(name) => format!("data/loadgen/{name}/report.json"),
            Self::Swarm => "data/sim-swarm.json".to_owned(),
            Self::Mutants => "data/sim-mutants.json".to_owned(),
            Self::Suite(name) => format!("data/suites/{name}.json"),
        }
    }
}

impl Evidence {
    /// Whose reports it is in.
    pub fn sources(&self) -> Vec<Source> {
        match self {
            Self::Figure { source, .. } => vec![*source],
            Self::Ratio { of, over, .. } => vec![of.0, over.0],
            Self::Tests { suite, .. } => vec![Source::Suite(suite)],
            Self::Invariant { .. } => vec![Source::Swarm],
            Self::Caught { .. } => vec![Source::Mutants],
            Self::Missing(_) => Vec::new(),
        }
    }
}
