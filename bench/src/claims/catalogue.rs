//! All claims.

mod design;
mod goals;
mod guarantees;
mod specification;

use super::claim::{Claim, Evidence, Section, Source};
use crate::figures::{Direction, Unit};

/// The suite of all tests, as `reports/make.sh` records it.
const TESTS: &str = "tests";

/// Every claim, by section.
pub fn all() -> Vec<Claim> {
    [specification::claims(), guarantees::claims(), design::claims(), goals::claims()].concat()
}

fn claim(section: Section, id: &'static str, text: &'static str, evidence: impl Into<Vec<Evidence>>) -> Claim {
    Claim { section, id, text, evidence: evidence.into() }
}

const fn at_most(source: Source, name: &'static str, limit: f64, unit: Unit) -> Evidence {
    Evidence::Figure { source, name, direction: Direction::AtMost, limit, unit }
}

const fn at_least(source: Source, name: &'static str, limit: f64, unit: Unit) -> Evidence {
    Evidence::Figure { source, name, direction: Direction::AtLeast, limit, unit }
}

const fn tests(names: &'static [&'static str]) -> Evidence {
    Evidence::Tests { suite: TESTS, names }
}
