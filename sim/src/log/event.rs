//! What can happen.

use std::fmt;
use std::str::FromStr;

use coherence::Version;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A version as the log writes it: incarnation, then number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ver(pub u64, pub u64);

impl Ver {
    /// Whether it is before `other`. A list does not tell the incarnation (then it is 0): only numbers are compared.
    pub fn is_below(self, other: Self) -> bool {
        if self.0 == 0 || other.0 == 0 { self.1 < other.1 } else { self < other }
    }
}

impl From<Version> for Ver {
    fn from(version: Version) -> Self {
        Self(version.incarnation.0, version.id.0)
    }
}

impl fmt::Display for Ver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not of the form <incarnation>.<version>")]
pub struct NoVersion;

impl FromStr for Ver {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let (incarnation, version) = text.split_once('.').ok_or(NoVersion)?;
        Ok(Self(incarnation.parse().map_err(|_| NoVersion)?, version.parse().map_err(|_| NoVersion)?))
    }
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// `GET` of one.
    Get,
    /// `GET` of a list; `None`: of all companies.
    List(Option<Uuid>),
    /// `POST`.
    Create,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

/// A request leaves its client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Names the request in the run.
    pub request: u64,
    /// The instance asked.
    pub instance: usize,
    /// What for.
    pub op: Op,
    /// The forecast, where the path names one.
    pub key: Option<Uuid>,
    /// `X-Min-Version`.
    pub min: Option<Ver>,
}

/// One forecast that an answer shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Which.
    pub key: Uuid,
    /// Its version; of a deletion, the tombstone's.
    pub version: Ver,
    /// Hash of the document's text; `None`: the answer to a deletion.
    pub digest: Option<u64>,
}

/// An answer reaches its client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The request.
    pub request: u64,
    /// The status.
    pub status: u16,
    /// Which start of the instance answered.
    pub boot: String,
    /// The tier that answered.
    pub level: Option<String>,
    /// Whether it is marked stale.
    pub stale: bool,
    /// What it shows.
    pub shown: Vec<Shown>,
    /// Of a list: whether it is the whole one.
    pub whole: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A request leaves its client.
    Asked(Ask),
    /// An answer reaches its client.
    Answered(Answer),
    /// A request has no answer; whether it took effect is unknown.
    Unanswered {
        /// The request.
        request: u64,
        /// Why.
        why: String,
    },
    /// The store committed a row.
    Committed {
        /// Which.
        key: Uuid,
        /// Its company; of a deletion `None`.
        company: Option<Uuid>,
        /// Its version, or its tombstone's.
        version: Ver,
        /// Hash of the document's text; `None`: it is deleted.
        digest: Option<u64>,
        /// Whether it was written behind the system's back.
        behind: bool,
    },
    /// The store was put back to what it held before record `to`.
    PutBack {
        /// The first record that it knows nothing of.
        to: u64,
        /// Whether somebody raises the incarnation at once; else the tracker must notice.
        announced: bool,
    },
    /// A fault of this run will never end.
    Permanent {
        /// What.
        what: String,
        /// The instance that it hurts, if it hurts one.
        hurt: Option<usize>,
    },
    /// An instance starts.
    Up,
    /// A host was killed, or lost its power.
    Down,
    /// A fault begins.
    FaultBegan {
        /// Its place in the plan.
        id: usize,
        /// What.
        what: String,
    },
    /// A fault ends.
    FaultEnded {
        /// Its place in the plan.
        id: usize,
    },
    /// What a cache tells its owner, or a port its host.
    Noticed {
        /// What.
        what: String,
    },
    /// A subscription of an instance hands over a message that does not follow the one before it.
    Jumped {
        /// The sequence before.
        after: u64,
        /// This one.
        to: u64,
    },
    /// Something that a batch of runs must see at least once.
    Mark {
        /// What.
        name: String,
    },
    /// A phase of the run begins.
    Phase {
        /// Which.
        name: String,
    },
    /// The bounded convergence is over, and this did not happen.
    NotConverged {
        /// What is still pending.
        reasons: Vec<String>,
    },
}
