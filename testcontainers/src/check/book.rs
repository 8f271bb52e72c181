//! What is known of one forecast: what was sent, what was acknowledged, and what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// The bound of C3.
const OLD: Duration = Duration::from_secs(5);

/// A version, as `X-Version` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The life of the database.
    pub incarnation: u64,
    /// The row's version in it.
    pub id: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.id)
    }
}

impl FromStr for Version {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (incarnation, id) = text.split_once('.').unwrap_or(("", text));
        Ok(Self { incarnation: incarnation.parse()?, id: id.parse()? })
    }
}

/// What is known of one forecast.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// The numbers of writes that were sent: whether they were committed only their answer, or a read, can tell.
    sent: BTreeSet<u64>,
    /// When which version was known to be committed, in ascending order of both.
    acked: Vec<(Instant, Version)>,
    /// What each version is, by whoever told it first.
    numbers: BTreeMap<Version, u64>,
}

impl Book {
    pub(super) fn sending(&mut self, number: u64) {
        self.sent.insert(number);
    }

    /// The newest that is known to be committed.
    pub(super) fn newest(&self) -> Option<Version> {
        self.acked.last().map(|(_, version)| *version)
    }

    /// The newest of which that was known 5 s before `now`.
    pub(super) fn due(&self, now: Instant) -> Option<Version> {
        let old = |(at, _): &&(Instant, Version)| *at + OLD < now;
        self.acked.iter().rev().find(old).map(|(_, version)| *version)
    }

    /// A write was answered: it stands, and no other write has its version.
    pub(super) fn acked(&mut self, at: Instant, version: Version, number: u64) -> Result<(), String> {
        self.is_real(version, number)?;
        if self.newest().is_none_or(|newest| newest < version) {
            self.acked.push((at, version));
        }
        Ok(())
    }

    /// C2: it was sent, and all who saw that version saw the same.
    pub(super) fn is_real(&mut self, version: Version, number: u64) -> Result<(), String> {
        let known = *self.numbers.entry(version).or_insert(number);
        match (self.sent.contains(&number), known == number) {
            (true, true) => Ok(()),
            (false, _) => Err(format!("C2: {version} shows {number}, which nobody wrote")),
            (true, false) => Err(format!("C2: {version} is {known} to some and {number} to others")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: fn(u64) -> Version = |id| Version { incarnation: 1, id };

    #[test]
    fn a_lost_update_and_an_invention_are_told() {
        let mut book = Book::default();
        [1, 2].into_iter().for_each(|number| book.sending(number));
        let at = Instant::now();
        book.acked(at, V(1), 1).unwrap();
        assert!(book.acked(at, V(1), 2).unwrap_err().contains("to others"));
        assert!(book.is_real(V(2), 3).unwrap_err().contains("nobody wrote"));
        assert_eq!((book.newest(), book.due(at), book.due(at + OLD * 2)), (Some(V(1)), None, Some(V(1))));
    }
}
