//! The form of a record.

use origin::Machine;
use serde::{Deserialize, Serialize};

/// The version of the form. What is removed or changes its meaning raises it; what is added does not.
pub const FORMAT: u32 = 1;

/// What one program measured in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The version of this form.
    pub format: u32,
    /// The bench, or the suite.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// Where, when and how.
    pub origin: Origin,
    /// What was measured, in the order of the table.
    pub figures: Vec<Figure>,
    /// Tests that passed, where the program is a suite.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// Tests that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
}

/// Where, when and how something was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The commit, with `+` if something was not committed; nothing outside a repository.
    pub git_ref: Option<String>,
    /// The command.
    pub command: String,
    /// When it ended (RFC 3339).
    pub at: String,
    /// The machine.
    pub machine: Machine,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// Its name, by which claims are made about it: stable, `snake_case`.
    pub name: String,
    /// What it is, for people.
    pub what: String,
    /// Its value.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// What it must be, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

/// What a figure must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// On which side of the value.
    pub direction: Direction,
    /// The bound, in the figure's unit.
    pub value: f64,
    /// Who says so: the specification, DESIGN, or a goal of the research.
    pub source: String,
}

/// The good side of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// The limit or less.
    AtMost,
    /// The limit or more.
    AtLeast,
}

/// A unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
    /// A second.
    PerS,
    /// One thing over another.
    Ratio,
    /// Of a hundred.
    Percent,
    /// How many.
    Count,
    /// Bytes.
    Bytes,
}

/// What became of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Misses,
    /// There is none.
    NoLimit,
}

impl Unit {
    /// As it is printed behind a value.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::Us => "us",
            Self::Ms => "ms",
            Self::S => "s",
            Self::PerS => "/s",
            Self::Ratio => "x",
            Self::Percent => "%",
            Self::Count => "",
            Self::Bytes => "B",
        }
    }
}

impl Limit {
    /// Whether `value` is on the good side; what is no number is not.
    pub fn allows(&self, value: f64) -> bool {
        match self.direction {
            Direction::AtMost => value <= self.value,
            Direction::AtLeast => value >= self.value,
        }
    }
}

impl Figure {
    /// A figure without a limit.
    pub fn new(name: &str, what: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { name: name.to_owned(), what: what.into(), value, unit, limit: None }
    }

    /// With a limit from above.
    #[must_use]
    pub fn at_most(self, value: f64, source: &str) -> Self {
        self.limited(Direction::AtMost, value, source)
    }

    /// With a limit from below.
    #[must_use]
    pub fn at_least(self, value: f64, source: &str) -> Self {
        self.limited(Direction::AtLeast, value, source)
    }

    fn limited(mut self, direction: Direction, value: f64, source: &str) -> Self {
        self.limit = Some(Limit { direction, value, source: source.to_owned() });
        self
    }

    /// Whether it is what it must be.
    pub fn verdict(&self) -> Verdict {
        match &self.limit {
            None => Verdict::NoLimit,
            Some(limit) if limit.allows(self.value) => Verdict::Holds,
            Some(_) => Verdict::Misses,
        }
    }
}

impl Verdict {
    /// As tables say it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Misses => "MISSES",
            Self::NoLimit => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_on_one_side_and_what_is_no_number_does_not_hold() {
        let figure = |value| Figure::new("x", "", value, Unit::Ratio);
        assert_eq!(figure(1.15).at_most(1.15, "").verdict(), Verdict::Holds);
        assert_eq!(figure(1.16).at_most(1.15, "").verdict(), Verdict::Misses);
        assert_eq!(figure(50.0).at_least(50.0, "").verdict(), Verdict::Holds);
        assert_eq!(figure(49.9).at_least(50.0, "").verdict(), Verdict::Misses);
        assert_eq!(figure(f64::NAN).at_least(0.0, "").verdict(), Verdict::Misses);
        assert_eq!(figure(f64::NAN).at_most(1.0, "").verdict(), Verdict::Misses);
        assert_eq!(figure(1.0).verdict(), Verdict::NoLimit);
    }
}
