//! A bounded in-process tier on moka: seeded hasher, no expiry of moka's own, and every write through `compute`, which
//! serialises writers of one key (moka's `insert` and `invalidate` do not take part in that, so they are never used).

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use moka::ops::compute::Op;
use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3Builder;

use crate::key::{Key, Tag};
use crate::options::Maintenance;
use crate::version::{Ordinal, Version};

/// One entry. Expiry is by tokio's clock, which the simulation drives; moka's own cannot be driven.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) value: T,
    pub(crate) version: Version,
    /// Tags whose stamps outdate the entry, beside the key's own.
    pub(crate) tags: Arc<[Tag]>,
    /// Keys shown inside, as their tags, with the version shown (queries only).
    pub(crate) shows: Vec<(Tag, Version)>,
    /// The ordinal before the read that made this entry: later stamps outdate it.
    pub(crate) started: Ordinal,
    /// When the source was read; the age counts from here.
    pub(crate) read_at: Instant,
    pub(crate) expires: Instant,
    /// Whether it is the absence of the key.
    pub(crate) absent: bool,
    /// About how much memory it takes, in bytes.
    pub(crate) weight: u32,
    /// The count of stampings at which the tags were last checked: a hit compares one number while nothing was stamped.
    pub(crate) validated: AtomicU64,
}

impl<T> Entry<T> {
    /// No count of stampings: the first hit checks the tags.
    pub(crate) const UNCHECKED: u64 = u64::MAX;

    /// An entry without tags, weight and shown keys.
    pub(crate) fn new(value: T, version: Version, started: Ordinal, read_at: Instant, expires: Instant) -> Self {
        Self {
            value,
            version,
            tags: Arc::from([]),
            shows: Vec::new(),
            started,
            read_at,
            expires,
            absent: false,
            weight: 1,
            validated: AtomicU64::new(Self::UNCHECKED),
        }
    }

    /// Whether the entry's own life is over.
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires
    }
}

/// A bounded map of entries.
#[derive(Debug)]
pub(crate) struct LocalTier<T: Send + Sync + 'static> {
    entries: moka::sync::Cache<Key, Arc<Entry<T>>, Xxh3Builder>,
    maintenance: Maintenance,
}

impl<T: Send + Sync + 'static> LocalTier<T> {
    pub(crate) fn new(max_bytes: u64, hash_seed: u64, maintenance: Maintenance) -> Self {
        let entries = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_key: &Key, entry: &Arc<Entry<T>>| entry.weight)
            .build_with_hasher(Xxh3Builder::new().with_seed(hash_seed));
        Self { entries, maintenance }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<Entry<T>>> {
        let found = self.entries.get(key);
        self.settle();
        found
    }

    /// Puts `entry` if `admit` allows it beside what is there. `admit` runs while other writers of the key wait.
    pub(crate) fn put_if(&self, key: &Key, entry: Entry<T>, admit: impl FnOnce(Option<&Entry<T>>) -> bool) -> bool {
        let mut put = false;
        let _ = self.entries.entry(key.clone()).and_compute_with(|held| {
            put = admit(held.map(moka::Entry::into_value).as_deref());
            if put { Op::Put(Arc::new(entry)) } else { Op::Nop }
        });
        self.settle();
        put
    }

    /// Removes the entry if `doomed` says so. `doomed` runs while other writers of the key wait, so an admission that
    /// ran before is seen here, and one that runs after sees what the caller changed before.
    pub(crate) fn remove_if(&self, key: &Key, doomed: impl FnOnce(&Entry<T>) -> bool) {
        let _ = self.entries.entry(key.clone()).and_compute_with(|held| match held {
            Some(held) if doomed(held.value()) => Op::Remove,
            _ => Op::Nop,
        });
        self.settle();
    }

    /// Forgets everything. Only under the store gate, where no fill can land.
    pub(crate) fn clear(&self) {
        self.entries.invalidate_all();
        self.entries.run_pending_tasks();
    }

    /// The keys that it holds, in no order that means anything.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.entries.iter().map(|(key, _)| Key::clone(&key)).collect()
    }

    /// How many entries it holds, about.
    pub(crate) fn len(&self) -> u64 {
        self.entries.entry_count()
    }

    /// How many bytes it holds, about.
    pub(crate) fn weight(&self) -> u64 {
        self.entries.weighted_size()
    }

    fn settle(&self) {
        if self.maintenance == Maintenance::EachOperation {
            self.entries.run_pending_tasks();
        }
    }
}
