//! What a cache tells its owner.

use crate::key::{Key, Tag};
use crate::version::{Generation, Version};

/// How many events wait for a slow listener before it loses the oldest.
pub const EVENTS_MAX: usize = 1_024;

/// Something happened inside the cache. Listeners that fall more than [`EVENTS_MAX`] behind are told how many they lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheEvent {
    /// `DataChanged`: the key has a new version. Once for each key and version.
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
    /// The shared tier failed; reads go on without it.
    SharedTierFailed {
        /// The key.
        key: Key,
        /// What happened.
        error: String,
    },
}
