//! A multi-tier, tagged, versioned cache that never goes back.
//!
//! It knows no forecast, no HTTP and no driver. A value is read through four tiers:
//!
//! ```text
//!   get_or_load ──> L1 ready views ──> L2 tracked documents ──> L3 SharedTier ──> L4 Loader
//!                    (60 s, bounded)    (bounded)                (300 s, guarded)   (the truth)
//!
//!   get_or_build ─> OutputCache: whole responses of queries, evicted by tags
//! ```
//!
//! Every comparison is on a [`Version`]; a read may only raise a tier, and no tier answers below the key's floor. Start
//! with [`Cache`]; the port of L3 is [`SharedTier`]. The parts, in reading order:
//!
//! - `version`, `key`, `document`: the vocabulary; `options`, `error`, `event`, `stats`: the edges of the API
//! - `cache`: the read path; `flight`: one fill for each key; `fill`: what a flight does; `keep`: what it may store
//! - `write`: what a cache is told; `output`: queries
//! - `floors`, `stamps`: what makes going back impossible; `core`: how they hang together
//! - `tiers`: L1 and L2; `shared`: L3
//! - `planted`: bugs that the simulation must find, in builds with the feature `mutants` alone
#![deny(missing_docs)]

mod ambient;
mod announced;
pub mod backplane;
mod cache;
mod core;
mod document;
mod error;
mod event;
mod explain;
mod fill;
mod flight;
mod floors;
pub mod follower;
mod history;
mod keep;
mod key;
#[cfg(feature = "mutants")]
pub mod mutants;
mod options;
mod output;
mod planted;
pub mod publisher;
pub mod shared;
mod stamps;
mod stats;
pub mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tiers;
mod trust;
mod version;
mod write;

pub use ambient::{Rng, WallClock};
pub use backplane::{Backplane, BackplaneError};
pub use cache::{Answer, Cache, Level, Loader, MIN_VERSION_WAIT};
pub use document::{Document, Plain, Render};
pub use error::{LoadError, ReadError};
pub use event::{CacheEvent, EVENTS_MAX, SyncError};
pub use explain::{KeyReport, TierReport};
pub use flight::FLIGHTS_MAX;
pub use follower::{Follower, FollowerHandle, FollowerStatus};
pub use history::{HISTORY_MAX, HistoryLine, Mutation};
pub use jiff::Timestamp;
pub use key::{Key, NAME_BYTES_MAX, NameError, Tag};
pub use options::{CacheConfig, Freshness, LEASE, Maintenance, ReadOptions, SKEW_MAX};
pub use output::{Build, Built, OutputCache, QueryAnswer};
pub use planted::PLANTED_BUGS;
pub use publisher::{PublishError, Publisher, SourceChange, Writer};
pub use shared::{
    FillOutcome, FillToken, SharedError, SharedLookup, SharedTier, SharedValue, SharedWrite, WriteOutcome,
};
pub use stats::CacheStats;
pub use stream::{ChangeMessage, Head, Section, SourceMark};
pub use version::{
    Fence, FencingToken, Generation, Incarnation, Ordinal, ParseVersionError, Sequence, StreamEpoch, Version, VersionId,
};
pub use write::CacheSizes;
