//! What a cache tells its owner.

use crate::key::{Key, Tag};
use crate::version::{Generation, Version};

/// How many events wait for a slow listener before it loses the oldest.
pub const EVENTS_MAX: usize = 1_024;

/// Something happened inside the cache. Listeners that fall more than [`EVENTS_MAX`] behind are told how many they lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheEvent {
    /// `DataChanged`: the key has a new version. Once for each key and version that this instance hears of, by whichever
    /// road; versions that were overtaken before it heard of them, or that it missed while it tracked nothing of the key, it
    /// does not announce.
    #[doc(alias = "DistributedDataChangedInfo")]
    #[doc(alias = "DataIsChanged")]
    DataChanged {
        /// The key.
        key: Key,
        /// Its new version; `None` after an invalidation that named none.
        version: Option<Version>,
    },
    /// Everything that carries the tag was evicted.
    TagEvicted {
        /// The tag.
        tag: Tag,
    },
    /// A new generation began; local tiers were emptied if `emptied`.
    GenerationBegan {
        /// The new generation.
        generation: Generation,
        /// Whether L1, L2 and the output cache were emptied.
        emptied: bool,
    },
    /// A fill was served but not stored, since the cache had learnt of something newer meanwhile.
    FillRefused {
        /// The key.
        key: Key,
    },
    /// The lease ended: the local tiers are not trusted any more.
    SuspicionBegan,
    /// The lease is back.
    TrustRegained,
    /// `SyncErrorHappened`: something of the stream was missed or did not fit, and is being repaired.
    #[doc(alias = "SyncErrorHappenedAsync")]
    SyncErrorHappened {
        /// What.
        error: SyncError,
    },
    /// The shared tier failed; reads go on without it.
    SharedTierFailed {
        /// The key.
        key: Key,
        /// What happened.
        error: String,
    },
}

/// What was wrong with the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SyncError {
    /// The sequence jumped.
    Gap,
    /// The stream began a new epoch.
    EpochChanged,
    /// The stream does not reach back to where this instance is.
    OutOfReach,
    /// A patch did not fit the tracked document.
    BaseMismatch,
    /// A message cannot be read.
    Unreadable,
    /// The subscription was lost, or deliveries were.
    ConnectionLost,
}

impl SyncError {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Gap, Self::EpochChanged, Self::OutOfReach, Self::BaseMismatch, Self::Unreadable, Self::ConnectionLost];

    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::EpochChanged => "epoch_changed",
            Self::OutOfReach => "out_of_reach",
            Self::BaseMismatch => "base_mismatch",
            Self::Unreadable => "unreadable",
            Self::ConnectionLost => "connection_lost",
        }
    }
}
