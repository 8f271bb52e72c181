//! What a cache is told: writes, invalidations, evictions, versions shown.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::cache::Cache;
use crate::core::Reason;
use crate::document::Render;
use crate::event::CacheEvent;
use crate::key::{Key, Tag};
use crate::shared::SharedError;
use crate::version::{Generation, Incarnation, Version};

impl<R: Render> Cache<R> {
    /// The key has a new version: its own instance's write, or a versioned invalidation from elsewhere. `tags` are those
    /// of the queries that may show it, before and after the change.
    ///
    /// Before this answers, no tier of this instance holds less than `version`, L3 holds nothing below it, and every
    /// query with one of the tags is outdated. Call it after the commit and before the answer to the writer.
    ///
    /// # Errors
    /// [`SharedError`] if L3 could not be told; everything else is done all the same.
    pub async fn changed(&self, key: &Key, version: Version, tags: &[Tag]) -> Result<(), SharedError> {
        let core = &self.inner.core;
        core.observe(version.incarnation);
        // Where a patch will come, the old document stays, unseen below its floor, as the base of that patch.
        let news = core.raise(key, version, Reason::Changed, !core.trust.is_leased());
        core.evict_tags(tags, core.next_ordinal());
        if news {
            core.emit(CacheEvent::DataChanged { key: key.clone(), version: Some(version) });
        }
        self.inner.raise_shared(key, version).await
    }

    /// The key changed, but nobody says to which version: a barrier. All tiers drop the key, fills in the air are not
    /// stored, and the next read goes to the source.
    ///
    /// # Errors
    /// [`SharedError`] if L3 could not be told; everything else is done all the same.
    pub async fn invalidate(&self, key: &Key, tags: &[Tag]) -> Result<(), SharedError> {
        let core = &self.inner.core;
        core.bar(key, true);
        core.evict_tags(tags, core.next_ordinal());
        // Once more after L3 dropped the key: a read may have begun between the barrier and that, and found the old value.
        let dropping = tokio::time::timeout(core.config.shared_timeout, self.inner.shared.drop_key(key));
        let dropped = dropping.await.unwrap_or(Err(SharedError::Timeout));
        core.bar(key, dropped.is_err());
        core.emit(CacheEvent::DataChanged { key: key.clone(), version: None });
        self.inner.note(key, dropped.clone());
        dropped
    }

    /// These versions are about to be shown by something other than [`Cache::get_or_load`]: no tier answers less
    /// afterwards. Queries of [`crate::OutputCache`] do it by themselves.
    pub fn shown(&self, items: &[(Key, Version)]) {
        for (key, version) in items {
            self.inner.core.observe(version.incarnation);
            self.inner.core.raise(key, *version, Reason::Shown, false);
        }
    }

    /// Outdates every query that carries one of `tags`, and nothing else: a query may lack what its tags say it shows.
    pub fn outdate_queries(&self, tags: &[Tag]) {
        let core = &self.inner.core;
        core.evict_tags(tags, core.next_ordinal());
    }

    /// Evicts every entry and every query that carries `tag`, also those being built now. The tag of a key evicts the
    /// key itself from L1 and L2.
    pub fn evict_tag(&self, tag: &Tag) {
        let core = &self.inner.core;
        core.evict_tags(std::slice::from_ref(tag), core.next_ordinal());
        core.bar(&tag.key(), true);
        core.emit(CacheEvent::TagEvicted { tag: tag.clone() });
    }

    /// Empties L1, L2 and every output cache of this instance; fills in the air are not stored.
    pub fn clear(&self) -> Generation {
        self.inner.core.begin_generation(true)
    }

    /// Begins a new generation without emptying anything: fills in the air are served but not stored. For whoever lost
    /// certainty for a moment (a reconnection, a gap) and checks what is held by other means.
    pub fn begin_generation(&self) -> Generation {
        self.inner.core.begin_generation(false)
    }

    /// The current generation.
    pub fn generation(&self) -> Generation {
        self.inner.core.generation()
    }

    /// The highest incarnation seen.
    pub fn incarnation(&self) -> Incarnation {
        self.inner.core.incarnation()
    }

    /// The database is in `incarnation` now: if that is news, all local tiers are emptied.
    pub fn observe_incarnation(&self, incarnation: Incarnation) {
        self.inner.core.observe(incarnation);
    }

    /// Events from now on.
    pub fn events(&self) -> broadcast::Receiver<CacheEvent> {
        self.inner.core.subscribe()
    }

    /// How much is held, about: a gauge each.
    pub fn sizes(&self) -> CacheSizes {
        let inner = &self.inner;
        CacheSizes {
            l1_entries: inner.l1.len(),
            l1_bytes: inner.l1.weight(),
            l2_entries: inner.core.l2.len(),
            l2_bytes: inner.core.l2.weight(),
            floors: inner.core.floors.len() as u64,
        }
    }

    /// Drops the key from L1 alone, as its expiry would. For tests and tools.
    #[cfg(any(test, feature = "testing"))]
    pub fn drop_l1(&self, key: &Key) {
        self.inner.l1.remove_if(key, |_| true);
    }

    /// Drops the key from L2 alone, as an eviction for want of room would. For tests and tools.
    #[cfg(any(test, feature = "testing"))]
    pub fn drop_l2(&self, key: &Key) {
        self.inner.core.l2.remove_if(key, |_| true);
    }

    /// The shared tier.
    pub fn shared(&self) -> &Arc<dyn crate::shared::SharedTier> {
        &self.inner.shared
    }
}

/// How much a cache holds, about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheSizes {
    /// Entries in L1.
    pub l1_entries: u64,
    /// Bytes in L1.
    pub l1_bytes: u64,
    /// Entries in L2.
    pub l2_entries: u64,
    /// Bytes in L2.
    pub l2_bytes: u64,
    /// Floors in force.
    pub floors: u64,
}
