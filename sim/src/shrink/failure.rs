//! When two runs fail in the same way.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::run::Verdict;

/// The way in which a run fails. Where and when do not matter: a smaller plan shifts both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// This invariant does not hold.
    Violated(String),
    /// A host's software, or the process, ended: the first line of why.
    Died(String),
}

impl Failure {
    /// How `verdict` fails, if it does.
    pub fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Passed => None,
            Verdict::Violated(violation) => Some(Self::Violated(violation.invariant.clone())),
            Verdict::Died(why) => Some(Self::Died(why.lines().next().unwrap_or_default().to_owned())),
        }
    }

    /// As part of a file's name.
    pub fn slug(&self) -> String {
        match self {
            Self::Violated(invariant) => invariant.replace([' ', '/'], "-"),
            Self::Died(_) => "died".to_owned(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violated(invariant) => f.write_str(invariant),
            Self::Died(why) => write!(f, "died: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Violation;

    #[test]
    fn the_same_invariant_is_the_same_failure_wherever_it_shows() {
        let violated = |ordinal, message: &str| {
            let invariant = "C3 bounded".to_owned();
            Failure::of(&Verdict::Violated(Violation { invariant, ordinal, message: message.to_owned() }))
        };
        assert_eq!(violated(3, "one"), violated(9, "other"));
        assert_eq!(violated(3, "one").unwrap().slug(), "C3-bounded");
        let died = |why: &str| Failure::of(&Verdict::Died(why.to_owned()));
        assert_eq!(died("a panic\nat 1"), died("a panic\nat 2"));
        assert_ne!(died("a panic"), died("another"));
        assert_eq!(Failure::of(&Verdict::Passed), None);
    }
}
