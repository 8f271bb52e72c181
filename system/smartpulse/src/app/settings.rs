//! From the configuration to what the libraries want to know.

use std::time::Duration;

use coherence::follower::{FollowerConfig, RefetchBudget};
use coherence::{CacheConfig, Freshness, ReadOptions};
use domain::forecast::ForecastConfig;

use crate::config::{CacheFreshness, Config};

/// The partition and the section of forecasts (DESIGN section 4).
pub(super) const PARTITION: &str = "production";
/// The section.
pub(super) const SECTION: &str = "forecast";

pub(super) fn forecast(config: &Config) -> ForecastConfig {
    ForecastConfig {
        cache: cache(config),
        read: read(config),
        list: ReadOptions { ttl: config.cache.output_ttl, ..read(config) },
        idempotency_life: config.limits.idempotency_ttl,
    }
}

fn cache(config: &Config) -> CacheConfig {
    let cache = &config.cache;
    let longest = cache.l1_ttl.max(cache.output_ttl).max(config.shared.ttl) + cache.max_stale;
    CacheConfig {
        l1_bytes: cache.l1_bytes,
        l2_bytes: cache.l2_bytes,
        output_bytes: cache.output_bytes,
        floors_max: cache.floors_max,
        stamps_max: cache.stamps_max,
        freshness: match cache.freshness {
            CacheFreshness::EndToEnd => Freshness::EndToEnd,
            CacheFreshness::Ttl => Freshness::TtlOnly { l2_ttl: cache.l2_ttl },
        },
        // Longer than any fill and any entry of a list, so that nothing outlives what would refuse it.
        floor_life: CacheConfig::default().floor_life.max(2 * cache.hard_timeout),
        stamp_life: longest + 2 * cache.hard_timeout,
        shared_ttl_max: config.shared.ttl,
        shared_timeout: config.shared.timeout,
        maintenance: cache.maintenance,
    }
}

fn read(config: &Config) -> ReadOptions {
    let cache = &config.cache;
    ReadOptions {
        ttl: cache.l1_ttl,
        shared_ttl: config.shared.ttl,
        negative_ttl: cache.negative_ttl,
        jitter: cache.jitter,
        soft_timeout: Some(cache.soft_timeout),
        hard_timeout: cache.hard_timeout,
        shared_timeout: config.shared.timeout,
        max_stale: Some(cache.max_stale).filter(|age: &Duration| !age.is_zero()),
        ..ReadOptions::default()
    }
}

pub(super) fn follower(config: &Config) -> FollowerConfig {
    let follower = &config.follower;
    FollowerConfig {
        timeout: config.shared.timeout,
        look_every: follower.look,
        reconnect: follower.reconnect,
        reconnect_max: follower.reconnect_max,
        refetch: RefetchBudget { per_s: follower.refetch_per_s, jitter: follower.refetch_jitter },
        read: read(config),
    }
}
