//! Verifying what is tracked: all versions are compared in bulk, first with the shared tier, then with the source.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Cache, Loader};
use crate::core::Reason;
use crate::document::Render;
use crate::error::LoadError;
use crate::key::Key;
use crate::mutant;
use crate::version::{StreamEpoch, Version};

/// How many keys one question names.
pub const VERIFY_KEYS_MAX: usize = 500;

/// How long one question may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) shared: Duration,
    pub(crate) source: Duration,
}

/// What a verification found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Tracked keys that were compared.
    pub(crate) compared: usize,
    /// Those that were old, with the version that they are at now.
    pub(crate) old: Vec<(Key, Version)>,
    /// How many keys the source was asked about.
    pub(crate) asked_source: usize,
}

/// Compares every tracked document with what the stream of `epoch`, or the source, is at now. What is old goes, and its
/// floor says why; what cannot be compared goes too. The source's failure fails it: it is tried again.
pub(crate) async fn verify<R: Render>(
    cache: &Cache<R>,
    loader: &Arc<dyn Loader>,
    epoch: StreamEpoch,
    deadlines: Deadlines,
) -> Result<Verified, LoadError> {
    let core = &cache.inner.core;
    let mut found = Verified::default();
    let tracked = if mutant!(ResyncVerifiesNothing) { Vec::new() } else { core.l2.keys() };
    for keys in tracked.chunks(VERIFY_KEYS_MAX) {
        // Where the shared tier cannot say, the source can.
        let asked = tokio::time::timeout(deadlines.shared, cache.inner.shared.versions(keys, epoch)).await;
        let known = asked.ok().and_then(Result::ok).unwrap_or_default();
        let mut unknown = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            match known.get(place).copied().flatten() {
                Some(version) => compare(cache, key, version, &mut found),
                None => unknown.push(key.clone()),
            }
        }
        if unknown.is_empty() {
            continue;
        }
        found.asked_source += unknown.len();
        let asked = tokio::time::timeout(deadlines.source, loader.versions(&unknown)).await;
        let late = || LoadError { message: "the source was not asked in time".into(), retryable: true, source: None };
        match asked.unwrap_or_else(|_| Err(late()))? {
            Some(versions) if versions.len() == unknown.len() => {
                for (key, version) in unknown.iter().zip(versions) {
                    compare(cache, key, version, &mut found);
                }
            }
            _ => unknown.iter().for_each(|key| core.l2.remove_if(key, |_| true)),
        }
        tokio::task::yield_now().await;
    }
    if !mutant!(ResyncLeavesViews) {
        core.drop_untracked_views();
    }
    if !mutant!(ResyncLeavesLists) {
        core.evict_queries();
    }
    Ok(found)
}

fn compare<R: Render>(cache: &Cache<R>, key: &Key, version: Version, found: &mut Verified) {
    let core = &cache.inner.core;
    found.compared += 1;
    core.observe(version.incarnation);
    let old = core.l2.get(key.as_str()).is_some_and(|held| held.version < version);
    if !old {
        return;
    }
    if core.raise(key, version, Reason::Changed, true) {
        core.emit(crate::event::CacheEvent::DataChanged { key: key.clone(), version: Some(version) });
    }
    found.old.push((key.clone(), version));
}
