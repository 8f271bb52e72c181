//! The port of the backplane: the second of the two steps of a change, its stream, and the beacon.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::stream::{Head, Section};
use crate::version::{Fence, Sequence, StreamEpoch};

/// One message to publish: the second step of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The writer's term.
    pub fence: Fence,
    /// The head with this message in the stream: its sequence is that of the message.
    pub head: Head,
    /// The thing, which names the channel.
    pub data_key: String,
    /// The message ([`crate::stream::ChangeMessage`]).
    pub payload: Bytes,
}

/// What became of a write to the section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It is done.
    Done,
    /// A writer of a later term was here: this one must stop.
    Fenced {
        /// That term.
        by: Fence,
    },
    /// The stream is not where the writer believes it to be. Nothing was done.
    OutOfStep {
        /// Where it is; `None` if nothing is known of the section.
        head: Option<Head>,
    },
}

/// What a look into the repair stream found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// The messages that follow, in order and without holes; fewer than asked for: there are no more now.
    Messages(Vec<Bytes>),
    /// The stream does not reach back so far, has not come so far, or is another one.
    OutOfReach,
}

/// What a subscription yields. What a reconnection means is decided by the follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackplaneDelivery {
    /// A change message.
    Change(Bytes),
    /// A head.
    Head(Bytes),
    /// The connection is lost: from here on deliveries may be missed.
    Lost,
    /// The connection is back.
    Restored,
}

/// Why the backplane could not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackplaneError {
    /// No connection, or it broke; whether a write took effect is unknown. The driver's error is the source.
    #[error("the backplane cannot be reached")]
    Unavailable(#[source] Option<Arc<dyn std::error::Error + Send + Sync>>),
    /// The deadline passed; whether a write took effect is unknown.
    #[error("the backplane did not answer in time")]
    Timeout,
    /// What it holds cannot be read.
    #[error("the backplane holds something unreadable: {0}")]
    Corrupt(String),
    /// It was closed.
    #[error("the backplane is closed")]
    Closed,
}

impl BackplaneError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout => true,
            Self::Corrupt(_) | Self::Closed => false,
        }
    }
}

/// Carries changes from the writer of a section to all its instances. Every method is one atomic step on one section.
#[async_trait]
pub trait Backplane: Send + Sync + 'static {
    /// Writes the term of a new writer to the section, before it writes anything else, and answers where the stream is.
    /// A lower term than the section has seen is [fenced](Claimed::Fenced).
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError>;

    /// Appends the message to the stream, stores the head, and publishes the message; all or nothing. Refused if the term
    /// is lower than the section has seen, if the stream is in another epoch, or if it does not end right before
    /// `head.sequence`.
    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError>;

    /// Stores the head and publishes it: the beacon. A head of another epoch than the stored one begins that epoch: the
    /// stream is emptied, and its sequence must be zero. Refused like [`Self::publish`] where the sequence is not that of
    /// the stream.
    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError>;

    /// The stored head.
    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError>;

    /// Up to `limit` messages that follow `after` in the stream of `epoch`.
    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError>;

    /// Receives the section's changes and heads; when it answers, what is published from now on is delivered.
    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError>;

    /// Names the servers behind it (run and replication ids, the map of slots): when it changes, what they hold may be an
    /// older copy of itself.
    async fn identity(&self) -> Result<String, BackplaneError>;
}

/// What a new writer learns when it claims a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The section is its own; this is where the stream is.
    Held {
        /// The stored head, if there is one.
        head: Option<Head>,
    },
    /// A writer of a later term was here.
    Fenced {
        /// That term.
        by: Fence,
    },
}

/// One subscription; dropping it ends it.
#[async_trait]
pub trait BackplaneSubscription: Send {
    /// The next delivery; waits for one. Cancel-safe.
    async fn next(&mut self) -> Result<BackplaneDelivery, BackplaneError>;
}
