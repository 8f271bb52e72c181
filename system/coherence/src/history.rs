//! What happened to keys lately: for operators who ask why a cache answers as it does (after Meta's Polaris, which traces
//! mutations, not reads).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::cache::Level;
use crate::key::Key;
use crate::version::Version;

/// How many mutations of all keys together are remembered; the oldest go.
pub const HISTORY_MAX: usize = 16_384;

/// How many mutations of one key a report names.
pub(crate) const REPORTED_MAX: usize = 32;

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutation {
    /// It is known to have changed.
    Changed {
        /// To this version.
        version: Version,
    },
    /// A read was stored in L1 and L2.
    Filled {
        /// The version read.
        version: Version,
        /// Where it was read.
        level: Level,
    },
    /// The tracked document was patched.
    Patched {
        /// To this version.
        version: Version,
    },
    /// A patch did not fit the tracked document, which went.
    Pulled {
        /// The version awaited.
        version: Version,
    },
    /// An invalidation without a version, or an eviction: every tier dropped it.
    Barred,
    /// All tiers were emptied.
    Emptied,
}

/// One line of a key's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLine {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// What.
    pub mutation: Mutation,
}

#[derive(Debug, Default)]
pub(crate) struct History {
    lines: Mutex<VecDeque<(Option<Key>, HistoryLine)>>,
}

impl History {
    pub(crate) fn note(&self, key: &Key, mutation: Mutation, at: Timestamp) {
        self.push(Some(key.clone()), HistoryLine { at, mutation });
    }

    pub(crate) fn emptied(&self, at: Timestamp) {
        self.push(None, HistoryLine { at, mutation: Mutation::Emptied });
    }

    fn push(&self, key: Option<Key>, line: HistoryLine) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= HISTORY_MAX {
            lines.pop_front();
        }
        lines.push_back((key, line));
    }

    /// The last mutations of `key`, latest first.
    pub(crate) fn of(&self, key: &Key) -> Vec<HistoryLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let concerns = |of: &Option<Key>| of.as_ref().is_none_or(|of| of == key);
        lines.iter().rev().filter(|(of, _)| concerns(of)).take(REPORTED_MAX).map(|(_, line)| *line).collect()
    }
}
