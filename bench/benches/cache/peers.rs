//! Other people's crates, set up as their READMEs say.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use multi_tier_cache::backends::DashMapCache;
use multi_tier_cache::{CacheManager, CacheStrategy, L1Cache, MokaCacheConfig};

/// multi-tier-cache with moka as its first tier and a map in the place of Redis as its second.
pub(super) struct MultiTier(CacheManager);

impl MultiTier {
    /// One that holds a value.
    pub(super) async fn with(key: &str, value: Bytes) -> Self {
        let first = Arc::new(L1Cache::new(MokaCacheConfig::default()).unwrap());
        let second = Arc::new(DashMapCache::new());
        let manager = CacheManager::new_with_backends(first, second, None).unwrap();
        manager.set_with_strategy(key, value, CacheStrategy::Custom(Duration::from_secs(60))).await.unwrap();
        Self(manager)
    }

    /// What it holds.
    pub(super) async fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key).await.unwrap()
    }
}
