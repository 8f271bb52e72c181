//! What a checker is, and all of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::c1_monotonic::Monotonic;
use super::c2_no_future::NoFuture;
use super::c3_bounded::Bounded;
use super::c4_own_writes::OwnWrites;
use super::c5_gap_seen::GapSeen;
use super::c6_tags::Tags;
use super::c7_converge::Converge;
use super::c8_notify_once::NotifyOnce;
use super::s1_stations::Stations;
use super::s2_answers::Answers;
use super::s3_announced::Announced;
use crate::log::Record;

/// The invariants by name (DESIGN section 3.6).
pub const INVARIANTS: [(&str, &str); 11] = [
    ("C1 monotonic", "an instance never goes back on a key, whichever endpoint showed it"),
    ("C2 no_future", "nothing is served that the store did not commit"),
    ("C3 bounded", "an unmarked answer is at most 5 s behind the last commit at the receipt of its request"),
    ("C4 own_writes", "with X-Min-Version: n any instance answers at least n, or says 503"),
    ("C5 gap_seen", "every message that is missing is noticed at the next message or beacon"),
    ("C6 tags", "a list is never older than the last write that its own instance answered"),
    ("C7 converge", "when faults end, all instances answer what the store holds"),
    ("C8 notify_once", "each event shows once to each user, on each channel and device, and no channel delays another"),
    ("S1 stations", "on the way of a change no station says what the one before it has not said"),
    ("S2 answers", "an answer is about what was asked, and as young as it must be"),
    ("S3 announced", "an instance announces each change of a key once"),
];

/// What a plan means for the checkers.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Wall clocks keep the stated skew: C3 is asserted only there.
    pub within_skew: bool,
    /// How old a cached list may get, in seconds: it is built, and then it lives its time.
    pub list_age_max_s: u64,
    /// How long after an instance has lost its trust an answer may still be given as a stale one, in milliseconds.
    pub stale_max_ms: u64,
    /// What is read so long, in milliseconds, may be answered by what is held, marked as stale, though all is well: by the
    /// network alone. Where that is never so slow nothing may.
    pub soft_timeout_ms: u64,
    /// Some clock jumps, or is set.
    pub clocks_step: bool,
    /// The memory of what was announced is smaller than the number of rows.
    pub forgets_announcements: bool,
}

impl Default for Rules {
    /// Nothing is out of the ordinary, and nothing is bounded but by the invariants.
    fn default() -> Self {
        Self {
            within_skew: true,
            list_age_max_s: u64::MAX,
            stale_max_ms: u64::MAX,
            soft_timeout_ms: u64::MAX,
            clocks_step: false,
            forgets_announcements: false,
        }
    }
}

/// An invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which.
    pub invariant: String,
    /// The record that shows it.
    pub ordinal: u64,
    /// What was expected and what was seen.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at record {}: {}", self.invariant, self.ordinal, self.message)
    }
}

/// Holds the log against one invariant.
pub trait Checker {
    /// The next record.
    ///
    /// # Errors
    /// The invariant does not hold.
    fn observe(&mut self, record: &Record) -> Result<(), Violation>;
}

/// All checkers.
pub struct Checkers(Vec<Box<dyn Checker>>);

impl Checkers {
    /// All of them.
    pub fn new(rules: Rules) -> Self {
        let mut all: Vec<Box<dyn Checker>> = vec![
            Box::new(Monotonic::default()),
            Box::new(NoFuture::default()),
            Box::new(OwnWrites::default()),
            Box::new(GapSeen::new(rules.within_skew)),
            Box::new(Tags::new(rules)),
            Box::new(Converge::new(rules)),
            Box::new(NotifyOnce::new(rules)),
            Box::new(Stations::default()),
            Box::new(Answers::new(rules)),
            Box::new(Announced::new(rules)),
        ];
        if rules.within_skew {
            all.push(Box::new(Bounded::new(rules)));
        }
        Self(all)
    }

    /// The next record, to each.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.0.iter_mut().try_for_each(|checker| checker.observe(record))
    }
}

pub(super) fn violated(invariant: &str, record: &Record, message: impl Into<String>) -> Violation {
    Violation { invariant: invariant.to_owned(), ordinal: record.ordinal, message: message.into() }
}
