//! Configuration of a cache and options of one read.

use std::sync::Arc;
use std::time::Duration;

use crate::key::Tag;
use crate::version::Version;

/// What makes L2 (tracked documents) trustworthy, with the bound on staleness that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// Nothing but time: a document is served from L2 until `l2_ttl` after it was read from the source.
    ///
    /// Bound: a change that nobody announces is seen after at most `max(l2_ttl, shared_ttl) + ttl`.
    TtlOnly {
        /// Life of a document in L2, counted from its read at the source.
        l2_ttl: Duration,
    },
    /// A beacon of the writer's hop: every change is told through the backplane ([`crate::publisher::Writer`]), and a
    /// document is served from L2 while the instance follows the stream and hears the beacon.
    ///
    /// Bound: a change that a writer told is seen within the lease (3.5 s), plus the bound on clocks (1 s). A change that
    /// no writer told (it crashed between its commit and telling; somebody wrote past it) is seen when the document is
    /// read again.
    Backplane,
    /// A beacon from the source's change feed to its end: whatever silences any hop ends the lease.
    ///
    /// Bound: an unmarked answer is at most 5 s behind the source's last commit, while wall clocks differ by less than 1 s.
    EndToEnd,
}

impl Freshness {
    /// Whether documents are trusted under a lease, and not by their age.
    pub const fn is_leased(self) -> bool {
        matches!(self, Self::Backplane | Self::EndToEnd)
    }
}

/// The life of a lease, from the moment at which the source was read (DESIGN section 3.5).
pub const LEASE: Duration = Duration::from_millis(3_500);

/// By how much the wall clocks of two machines may differ. A beacon from further in the future is refused.
pub const SKEW_MAX: Duration = Duration::from_secs(1);

/// When the local tiers do their housekeeping (evictions, queues).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintenance {
    /// Now and then, as moka decides: fastest.
    Background,
    /// After each operation: the same survivors in every run, as the simulation needs.
    EachOperation,
}

/// Sizes and lives of one cache.
#[derive(Debug, Clone)]
pub struct CacheConfig {
    /// Bound on L1 (ready views), about, in bytes.
    pub l1_bytes: u64,
    /// Bound on L2 (documents), about, in bytes; larger than L1.
    pub l2_bytes: u64,
    /// Bound on the output cache (responses of queries), about, in bytes.
    pub output_bytes: u64,
    /// How many floors are remembered: keys changed or shown within the life of a floor. When one must be forgotten early,
    /// misses skip L3 for the rest of its life.
    pub floors_max: usize,
    /// How many tag stamps are remembered. When one must be forgotten early, it counts as newest.
    pub stamps_max: usize,
    /// How long a floor is remembered once L3 is known to have reached it: more than twice the longest fill. Until then it
    /// is remembered for [`Self::shared_ttl_max`] more.
    pub floor_life: Duration,
    /// The longest life that a read may give a value in L3; a longer [`ReadOptions::shared_ttl`] is cut to it.
    pub shared_ttl_max: Duration,
    /// After this long a call of L3 by which the cache is told of a change has failed (those of reads have their own:
    /// [`ReadOptions::shared_timeout`]).
    pub shared_timeout: Duration,
    /// How long tag stamps are remembered: more than any entry lives, stale age included.
    pub stamp_life: Duration,
    /// What makes L2 trustworthy.
    pub freshness: Freshness,
    /// When housekeeping runs.
    pub maintenance: Maintenance,
}

impl Default for CacheConfig {
    /// 32 MiB of views, 64 MiB of documents, 16 MiB of responses; `TtlOnly` with 300 s.
    fn default() -> Self {
        Self {
            l1_bytes: 32 << 20,
            l2_bytes: 64 << 20,
            output_bytes: 16 << 20,
            floors_max: 100_000,
            stamps_max: 100_000,
            floor_life: Duration::from_secs(15),
            shared_ttl_max: Duration::from_secs(300),
            shared_timeout: Duration::from_millis(500),
            stamp_life: Duration::from_secs(420),
            freshness: Freshness::TtlOnly { l2_ttl: Duration::from_secs(300) },
            maintenance: Maintenance::Background,
        }
    }
}

/// How one read behaves.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Life in L1 (or in the output cache).
    pub ttl: Duration,
    /// Life in L3, counted from the read at the source.
    pub shared_ttl: Duration,
    /// Life of an absence, in L1 and L2.
    pub negative_ttl: Duration,
    /// Lives are shortened by a random share of up to this (0 to 1), so that entries filled together do not expire
    /// together.
    pub jitter: f64,
    /// After this long, an expired entry is answered if there is one, marked stale; the fill goes on.
    pub soft_timeout: Option<Duration>,
    /// After this long a fill has failed. Cut to half of [`CacheConfig::floor_life`], since no fill may outlive the floors
    /// that judge it.
    pub hard_timeout: Duration,
    /// After this long a call of L3 has failed, and the read goes on without it.
    pub shared_timeout: Duration,
    /// How old an expired entry may be (since its expiry) to be answered where the source fails or is slow. `None`:
    /// never.
    pub max_stale: Option<Duration>,
    /// The least version that satisfies this read.
    pub min_version: Option<Version>,
    /// Tags for the entry, beside those of the document.
    pub tags: Arc<[Tag]>,
}

impl Default for ReadOptions {
    /// The specification's lives: 60 s in L1, 300 s in L3; fills of at most 2 s, calls of L3 of half a second; no stale answers.
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(60),
            shared_ttl: Duration::from_secs(300),
            negative_ttl: Duration::from_secs(5),
            jitter: 0.0,
            soft_timeout: None,
            hard_timeout: Duration::from_secs(2),
            shared_timeout: Duration::from_millis(500),
            max_stale: None,
            min_version: None,
            tags: Arc::from([]),
        }
    }
}
