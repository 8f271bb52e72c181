//! The port of the shared tier.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::document::Document;
use crate::key::{Key, Tag};
use crate::version::{Fence, StreamEpoch, Version};

/// Names one miss, so that the fill that follows it can be told from later ones. Random, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FillToken(pub u64);

/// A document as the shared tier holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedValue {
    /// The document's version.
    pub version: Version,
    /// The document as JSON text. The shared tier holds no absences: they are brief and each instance's own.
    pub body: Bytes,
    /// The entry's tags.
    pub tags: Arc<[Tag]>,
    /// How long ago the document was read from the source.
    pub age: Duration,
    /// The epoch of the stream in which its writer stood: in any other it cannot be judged, and is a miss. Zero where
    /// there is no stream.
    pub epoch: StreamEpoch,
}

impl SharedValue {
    /// The document without its age.
    pub fn document(&self) -> Document {
        Document { version: self.version, body: Some(self.body.clone()), tags: Arc::clone(&self.tags) }
    }
}

/// What a look into the shared tier found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedLookup {
    /// A value that is not below the key's latest known version.
    Hit(SharedValue),
    /// Nothing that may be served; the token was left for the fill. `latest` is the version the tier knows the key has
    /// reached: a read of the source that answers less is old.
    Miss {
        /// The latest known version, if the tier remembers one.
        latest: Option<Version>,
    },
}

/// Whether a fill was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillOutcome {
    /// The value is in the tier now.
    Stored,
    /// The token was gone (the version was raised, or the versions were evicted), or the value was old.
    Refused,
}

/// The first of the two steps of a change, by the one writer of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWrite {
    /// The writer's term.
    pub fence: Fence,
    /// The version that the key has reached.
    pub version: Version,
    /// The stream's epoch.
    pub epoch: StreamEpoch,
    /// The document at that version; `None` if there is none (a delete), or none that can be stored: then the old value
    /// goes.
    pub value: Option<SharedValue>,
    /// How long the value lives.
    pub ttl: Duration,
}

/// What became of a [`SharedWrite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The key is at this version now.
    Written,
    /// The key was further already; its value stays. The second step follows all the same.
    Older {
        /// The version that it had reached.
        latest: Version,
    },
    /// A writer of a later term was here: this one must stop, and the second step must not follow.
    Fenced {
        /// That term.
        by: Fence,
    },
}

/// The most keys that one call of [`SharedTier::versions`] may name.
pub const SHARED_VERSIONS_MAX: usize = 1_000;

/// Why the shared tier could not answer. Clone, because one flight hands it to all its waiters.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SharedError {
    /// No connection, or it broke; the driver's error is the source.
    #[error("the shared tier cannot be reached")]
    Unavailable(#[source] Option<Arc<dyn std::error::Error + Send + Sync>>),
    /// The deadline passed; whether a write took effect is unknown.
    #[error("the shared tier did not answer in time")]
    Timeout,
    /// What it holds cannot be read.
    #[error("the shared tier holds something unreadable: {0}")]
    Corrupt(String),
}

impl SharedError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout => true,
            Self::Corrupt(_) => false,
        }
    }
}

/// L3. Every method is one atomic step on one key.
#[async_trait]
pub trait SharedTier: Send + Sync + 'static {
    /// Reads the key; on a miss leaves `token` for the fill that follows. A value of another epoch than `epoch` is a miss.
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError>;

    /// Stores `value` for `ttl`, if `token` is still there and the value is not below the latest version. The token is
    /// used up either way.
    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError>;

    /// The key has reached `version`: raises its latest version (never lowers it), removes every token, and deletes a
    /// value below it. A value at or above `version` stays.
    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError>;

    /// The first step of a change: refused if its term is lower than the key has seen. Else raises the latest version,
    /// removes every token and stores the value, unless the key is further already.
    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError>;

    /// For each of `keys` (at most [`SHARED_VERSIONS_MAX`]) the version that it is known to be at in the stream of
    /// `epoch`: every change that is in that stream is counted in. `None` where that is not known. A mere
    /// [raise](Self::raise) makes nothing known: it may come late, after the key's versions were forgotten.
    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError>;

    /// A barrier without a version: deletes the value and every token. What is read from the source afterwards may be
    /// stored, whatever its version.
    async fn drop_key(&self, key: &Key) -> Result<(), SharedError>;
}
