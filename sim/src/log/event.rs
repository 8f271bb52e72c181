//! What can happen.

use std::fmt;
use std::str::FromStr;

use coherence::Version;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::notify::Notified;

/// A version as the log writes it: incarnation, then number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ver(pub u64, pub u64);

impl Ver {
    /// Whether it is before `other`. A list does not tell the incarnation (then it is 0): only numbers are compared.
    pub fn is_below(self, other: Self) -> bool {
        if self.0 == 0 || other.0 == 0 { self.1 < other.1 } else { self < other }
    }
}

/// An instance prolonged its lease though something before its head is missing, or is being compared.
pub const LEASE_GREW_WHILE_OPEN: &str = "lease_grew_while_open";
/// A suspect instance stored a document.
pub const SUSPECT_STORED: &str = "suspect_stored";

/// A position as the log writes it: those of a run are small.
pub fn narrow(position: u128) -> u64 {
    u64::try_from(position).unwrap_or(u64::MAX)
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
    /// Of a list: so many rows at most.
    pub take: Option<u32>,
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
    /// Of a list: whether it should be the whole one, since no more rows are there than were asked for.
    pub whole: bool,
    /// Of a list: how many rows there are, on all pages, as it says.
    pub total: Option<u64>,
    /// How old it is, as it says, in seconds.
    pub age_s: Option<u64>,
}

/// A message of the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its term: incarnation, then token.
    pub term: Ver,
    /// 1, 2, 3, ... in the term.
    pub counter: u64,
    /// Up to where it tells the feed.
    pub position: u64,
    /// Whether it is a beacon: the feed was read to its end.
    pub beacon: bool,
}

/// A message or head of the section's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streamed {
    /// The sync's term: incarnation, then token.
    pub term: Ver,
    /// The stream's epoch.
    pub epoch: u64,
    /// How far the stream goes with it.
    pub sequence: u64,
    /// The tracker's term, of the last message in it.
    pub tracker: Ver,
    /// The tracker's counter.
    pub counter: u64,
    /// How far along the feed.
    pub position: u64,
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
        /// Of this stream.
        epoch: u64,
        /// The sequence before.
        after: u64,
        /// This one.
        to: u64,
        /// Whether it is a head.
        head: bool,
    },
    /// An instance was answered the stored head.
    Looked {
        /// Of this stream.
        epoch: u64,
        /// Up to which message it goes.
        sequence: u64,
    },
    /// The feed was read, with another outcome than the last time.
    FeedRead {
        /// Up to which position.
        to: u64,
        /// Whether that was its end.
        at_end: bool,
    },
    /// Changes before this position can be read no more.
    FeedPruned {
        /// The position.
        to: u64,
    },
    /// A lease was given, or prolonged.
    Leased {
        /// Which.
        name: String,
        /// Whose: incarnation, then token.
        term: Ver,
        /// Until then it is nobody else's, in simulated milliseconds.
        until_ms: u64,
    },
    /// A tracker sends to the bus.
    Telling {
        /// Its term.
        term: Ver,
    },
    /// The bus took a message of the tracker.
    Told(Told),
    /// The cursor of the tracker was moved in the store.
    CursorMoved {
        /// By which term.
        term: Ver,
        /// To which position of the feed.
        to: u64,
    },
    /// The backplane took a message, or a head, of the sync.
    Streamed(Streamed),
    /// The message that the backplane just took is this change.
    StreamedChange {
        /// Of which key.
        key: String,
        /// To which version.
        version: Ver,
    },
    /// A life of the store began.
    LifeBegan {
        /// Its number.
        life: u64,
        /// Where the feed ended then.
        end: u64,
    },
    /// The shared tier stored a value.
    Stored {
        /// Of which key.
        key: String,
        /// Its version.
        version: Ver,
        /// By which term of the sync; `None`: by a fill.
        term: Option<Ver>,
        /// In which epoch of the stream.
        epoch: u64,
    },
    /// The shared tier was told of a version of a key that it is past.
    Passed {
        /// Which key.
        key: String,
        /// The version that it is at.
        version: Ver,
        /// In which epoch of the stream.
        epoch: u64,
    },
    /// The shared tier says that these versions are all which the stream told.
    Vouched {
        /// Of which epoch.
        epoch: u64,
        /// Of which keys.
        keys: Vec<(String, Ver)>,
    },
    /// The shared tier was told that a key has reached a version.
    Raised {
        /// Which key.
        key: String,
        /// The version.
        version: Ver,
    },
    /// The shared tier and the backplane lost what they held, or the last of it.
    MemoryLost,
    /// A consumer acknowledges a message of the tracker, and all before it.
    ToldAcknowledged {
        /// The tracker's term.
        term: Ver,
        /// Its counter.
        counter: u64,
    },
    /// A consumer acknowledges that it has seen to an invalidation.
    InvalidationAcknowledged {
        /// Of which row.
        key: Uuid,
        /// The version that it names.
        version: Ver,
        /// The companies in whose lists it was, or is.
        companies: Vec<Uuid>,
    },
    /// An instance announces that a key has changed (`DataChanged`).
    Announced {
        /// Which.
        key: String,
        /// To which version.
        version: Ver,
    },
    /// The bus took an event of the outbox.
    Published {
        /// Hash of its payload.
        payload: u64,
    },
    /// An event was marked in the outbox as sent.
    MarkedSent {
        /// Hash of its payload.
        payload: u64,
    },
    /// Something happened to notifications.
    Notify(Notified),
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
