//! What each tier holds of one key, and why: for operators.

use std::time::Duration;

use tokio::time::Instant;

use crate::cache::Cache;
use crate::document::Render;
use crate::history::HistoryLine;
use crate::key::Key;
use crate::shared::{FillToken, SharedLookup};
use crate::tiers::Entry;
use crate::version::Version;

/// What a tier holds of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierReport {
    /// Its version.
    pub version: Version,
    /// How long ago the source was read (or the document patched).
    pub age: Duration,
    /// Whether it is the absence of the key.
    pub absent: bool,
    /// Whether a read would be answered with it now: trusted, not expired, not below its floor.
    pub served: bool,
}

/// What a cache knows of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReport {
    /// L1.
    pub l1: Option<TierReport>,
    /// L2.
    pub l2: Option<TierReport>,
    /// L3; `Err` if it did not answer.
    pub l3: Result<Option<TierReport>, String>,
    /// The least version that may be answered.
    pub floor: Version,
    /// Whether only reads that begin from now on count, since an invalidation named no version.
    pub barred: bool,
    /// What happened to it, latest first.
    pub history: Vec<HistoryLine>,
}

impl<R: Render> Cache<R> {
    /// What each tier holds of `key` now. It changes nothing, but may leave an unused token in the shared tier.
    pub async fn explain(&self, key: &Key) -> KeyReport {
        let core = &self.inner.core;
        let now = Instant::now();
        let floor = core.floors.get(key);
        let trusted = core.trust.is_held(now);
        let l1 = self.inner.l1.get(key.as_str()).map(|entry| report(&entry, now, trusted, floor.version));
        let l2 = core.l2.get(key.as_str()).map(|entry| report(&entry, now, trusted, floor.version));
        let epoch = core.trust.epoch();
        let l3 = match self.inner.shared.get(key, FillToken(core.rng.next_u64()), epoch).await {
            Ok(SharedLookup::Hit(value)) => Ok(Some(TierReport {
                version: value.version,
                age: value.age,
                absent: false,
                served: core.trust.shared_is_held(now) && value.version >= floor.version,
            })),
            Ok(SharedLookup::Miss { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        };
        let barred = floor.barrier != crate::version::Ordinal(0);
        KeyReport { l1, l2, l3, floor: floor.version, barred, history: self.history(key) }
    }

    /// What happened to `key` lately, latest first.
    pub fn history(&self, key: &Key) -> Vec<HistoryLine> {
        self.inner.core.history.of(key)
    }

    /// How much of the lease is left: for how long the local tiers are trusted if nobody is heard any more. Zero where there
    /// is no lease, or none that holds.
    pub fn lease_left(&self) -> std::time::Duration {
        let (trust, now) = (&self.inner.core.trust, Instant::now());
        if trust.is_leased() { trust.ends().saturating_duration_since(now) } else { std::time::Duration::ZERO }
    }

    /// Whether the local tiers are trusted now.
    pub fn is_trusted(&self) -> bool {
        self.inner.core.trust.is_held(Instant::now())
    }
}

fn report<T>(entry: &Entry<T>, now: Instant, trusted: bool, floor: Version) -> TierReport {
    TierReport {
        version: entry.version,
        age: now.saturating_duration_since(entry.read_at),
        absent: entry.absent,
        served: trusted && !entry.is_expired(now) && entry.version >= floor,
    }
}
