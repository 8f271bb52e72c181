//! Section `[cache]`.

use std::time::Duration;

use coherence::Maintenance;

use super::reader::Reader;

const BYTES_MAX: u64 = 1 << 50;
const TTL_S_MAX: u64 = 86_400;

/// What makes the local tiers trustworthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheFreshness {
    /// The beacon of the change feed, end to end.
    EndToEnd,
    /// Lifetimes alone.
    Ttl,
}

const FRESHNESS: [(&str, CacheFreshness); 2] = [("end_to_end", CacheFreshness::EndToEnd), ("ttl", CacheFreshness::Ttl)];

const MAINTENANCE: [(&str, Maintenance); 2] =
    [("background", Maintenance::Background), ("each_operation", Maintenance::EachOperation)];

/// The settings of the tiers.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheConfig {
    /// What makes L1, L2 and the output cache trustworthy.
    pub freshness: CacheFreshness,
    /// L1: size.
    pub l1_bytes: u64,
    /// L1: lifetime.
    pub l1_ttl: Duration,
    /// L2: size.
    pub l2_bytes: u64,
    /// L2: lifetime without a beacon.
    pub l2_ttl: Duration,
    /// Output cache: size.
    pub output_bytes: u64,
    /// Output cache: lifetime.
    pub output_ttl: Duration,
    /// Lifetime of "not found".
    pub negative_ttl: Duration,
    /// The share by which lifetimes are shortened at random.
    pub jitter: f64,
    /// When a stale answer is sent while the fill goes on.
    pub soft_timeout: Duration,
    /// When a fill ends.
    pub hard_timeout: Duration,
    /// How old a stale answer may be.
    pub max_stale: Duration,
    /// Remembered floors.
    pub floors_max: usize,
    /// Remembered evictions of tags.
    pub stamps_max: usize,
    /// When the tiers do their housekeeping.
    pub maintenance: Maintenance,
}

impl CacheConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            freshness: r.choice("cache.freshness", &FRESHNESS).unwrap_or(CacheFreshness::EndToEnd),
            l1_bytes: r.int("cache.l1_bytes", 0..=BYTES_MAX),
            l1_ttl: r.seconds("cache.l1_ttl_s", 1..=TTL_S_MAX),
            l2_bytes: r.int("cache.l2_bytes", 0..=BYTES_MAX),
            l2_ttl: r.seconds("cache.l2_ttl_s", 1..=TTL_S_MAX),
            output_bytes: r.int("cache.output_bytes", 0..=BYTES_MAX),
            output_ttl: r.seconds("cache.output_ttl_s", 1..=TTL_S_MAX),
            negative_ttl: r.seconds("cache.negative_ttl_s", 0..=TTL_S_MAX),
            jitter: r.fraction("cache.jitter", 0.0..=0.5),
            soft_timeout: r.millis("cache.soft_timeout_ms", 1..=60_000),
            hard_timeout: r.millis("cache.hard_timeout_ms", 1..=60_000),
            max_stale: r.seconds("cache.max_stale_s", 0..=TTL_S_MAX),
            floors_max: r.size("cache.floors_max", 16..=100_000_000),
            stamps_max: r.size("cache.stamps_max", 16..=100_000_000),
            maintenance: r.choice("cache.maintenance", &MAINTENANCE).unwrap_or(Maintenance::Background),
        }
    }

    pub(super) fn check(&self, r: &mut Reader<'_>, request_timeout: Duration) {
        if self.soft_timeout > self.hard_timeout {
            r.combination("`cache.soft_timeout_ms` is longer than `cache.hard_timeout_ms`, so it would never act");
        }
        if self.hard_timeout > request_timeout {
            r.combination(
                "`cache.hard_timeout_ms` is longer than `http.request_timeout_ms`: no caller would see the fill",
            );
        }
        if self.l2_bytes < self.l1_bytes {
            r.combination(
                "`cache.l2_bytes` is smaller than `cache.l1_bytes`: L2 stands behind L1 and must be the larger",
            );
        }
    }
}
