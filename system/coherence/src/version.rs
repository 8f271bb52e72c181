//! The counters that order things. They must never be confused, so each has a type of its own (DESIGN section 3.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The next one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// The version of one row: +1 on each write, in the writing transaction; a delete takes one too (its tombstone).
    VersionId
}

counter! {
    /// The life of the database: raised when its history was replaced (a restore, a fork), since versions may then
    /// repeat. A higher one empties all tiers.
    Incarnation
}

counter! {
    /// A position in the order of events inside one cache of one process. Tag stamps and fills are compared by it;
    /// it never leaves the process.
    Ordinal
}

counter! {
    /// The span of one instance between two losses of certainty (start, re-subscription, gap, suspicion, change of
    /// incarnation). A fill that began in an earlier one is served but not stored.
    Generation
}

counter! {
    /// The term of whoever holds a lease (tracker, sync): +1 at each take-over. Compared within an incarnation only, so
    /// it travels as a [`Fence`].
    FencingToken
}

counter! {
    /// The life of one section's repair stream: begun anew whenever continuity cannot be shown. Random, so epochs are
    /// compared for equality alone; zero is none.
    StreamEpoch
}

counter! {
    /// A place in one epoch of a section's stream, without holes; the first message has 1.
    Sequence
}

/// A fencing token with the incarnation in which it was given out: a restored database may repeat tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The database's life.
    pub incarnation: Incarnation,
    /// The token.
    pub token: FencingToken,
}

/// What is compared wherever two states of a row meet: incarnation first, then the row's version. Clocks order nothing.
///
/// Its text form is `<incarnation>.<version>`, as in the header `X-Version`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The database's life in which the row was written.
    pub incarnation: Incarnation,
    /// The row's version in that life.
    pub id: VersionId,
}

impl Version {
    /// Below every version of a written row.
    pub const ZERO: Self = Self { incarnation: Incarnation(0), id: VersionId(0) };

    /// Pairs the two counters.
    pub const fn new(incarnation: u64, id: u64) -> Self {
        Self { incarnation: Incarnation(incarnation), id: VersionId(id) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.id)
    }
}

/// A text that is not `<incarnation>.<version>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a version is written <incarnation>.<version>, both whole numbers")]
pub struct ParseVersionError;

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Digits only: u64::from_str would let a leading plus through, and one version would have two spellings.
        let number = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => part.parse::<u64>().map_err(|_| ParseVersionError),
            false => Err(ParseVersionError),
        };
        let (incarnation, id) = text.split_once('.').ok_or(ParseVersionError)?;
        Ok(Self::new(number(incarnation)?, number(id)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_versions_are_refused() {
        for text in ["", ".", "1", "1.", ".1", "a.1", "1.b", "-1.2", "+1.2", "1.2.3", "1.18446744073709551616"] {
            assert_eq!(text.parse::<Version>(), Err(ParseVersionError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_form_round_trips(incarnation: u64, id: u64) {
            let version = Version::new(incarnation, id);
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }

        #[test]
        fn a_new_incarnation_beats_every_older_version(incarnation in 0..u64::MAX, old: u64, new: u64) {
            prop_assert!(Version::new(incarnation + 1, new) > Version::new(incarnation, old));
        }
    }
}
