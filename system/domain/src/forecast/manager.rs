//! CacheManager: the tiers over the store (specification 1.1).

use std::sync::Arc;

use async_trait::async_trait;
use coherence::follower::FollowerConfig;
use coherence::{
    Answer, Backplane, Cache, CacheConfig, Document, Follower, Key, LoadError, Loader, OutputCache, QueryAnswer,
    ReadError, ReadOptions, Rng, Section, SharedTier, Tag, Version, VersionId, WallClock, mutant,
};

use super::Views;
use super::list::{ListBuild, output_key};
use crate::model::{ForecastId, ListParams, Scope, all_forecasts_tag, forecast_key, forecast_of_key};
use crate::ports::{Lookup, Store, StoreError, VERSIONS_MAX};

/// Reads through L1, L2, L3 and the store, and tells them what changed.
pub struct CacheManager<R: Views> {
    cache: Cache<R>,
    output: OutputCache<R::List>,
    views: R,
    store: Arc<dyn Store>,
    loader: Arc<dyn Loader>,
    read: ReadOptions,
    list: ReadOptions,
    /// Seeds of the hash that stands for a long scope in a list's key.
    seeds: [u64; 2],
}

impl<R: Views> CacheManager<R> {
    /// Empty tiers over `shared` and `store`. `options` are those of one forecast and those of lists.
    pub fn new(
        config: CacheConfig,
        options: [ReadOptions; 2],
        views: R,
        store: Arc<dyn Store>,
        shared: Arc<dyn SharedTier>,
        rng: Arc<dyn Rng>,
        clock: Arc<dyn WallClock>,
    ) -> Self {
        let [read, list] = options;
        let seeds = [rng.next_u64(), rng.next_u64()];
        let cache = Cache::new(config, views.clone(), shared, rng, clock);
        let loader = Arc::new(StoreLoader { store: Arc::clone(&store) });
        Self { output: OutputCache::new(&cache), cache, views, store, loader, read, list, seeds }
    }

    /// The tiers, for their events, counters and sizes.
    pub fn cache(&self) -> &Cache<R> {
        &self.cache
    }

    /// The output cache, for its sizes.
    pub fn output(&self) -> &OutputCache<R::List> {
        &self.output
    }

    /// The ready forms.
    pub fn views(&self) -> &R {
        &self.views
    }

    /// The follower of the section's stream for these tiers: under a leased [`coherence::Freshness`] they are suspect until
    /// it runs.
    pub fn follower(&self, backplane: Arc<dyn Backplane>, section: Section, config: FollowerConfig) -> Follower<R> {
        Follower::new(self.cache.clone(), backplane, section, Arc::clone(&self.loader), config)
    }

    /// One forecast, or its absence. A hit in L1 is one lookup, and allocates nothing.
    ///
    /// # Errors
    /// [`ReadError`], if no tier has an answer.
    pub async fn get(&self, id: ForecastId, min_version: Option<Version>) -> Result<Answer<R::View>, ReadError> {
        const PREFIX: &[u8] = b"forecast:";
        let mut name = [0; PREFIX.len() + uuid::fmt::Hyphenated::LENGTH];
        let (prefix, rest) = name.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX);
        id.0.as_hyphenated().encode_lower(rest);
        let hit = std::str::from_utf8(&name).ok().and_then(|name| self.cache.peek(name, min_version));
        if let Some(answer) = hit {
            return Ok(answer);
        }
        let options = ReadOptions { min_version, ..self.read.clone() };
        self.cache.get_or_load(&forecast_key(id), &options, &self.loader).await
    }

    /// One page of the forecasts in `scope`.
    ///
    /// # Errors
    /// [`ReadError`], if neither the output cache nor the store has an answer.
    pub async fn list(&self, scope: &Scope, params: &ListParams) -> Result<QueryAnswer<R::List>, ReadError> {
        let key = output_key(params, scope, self.seeds)?;
        let build = ListBuild::new(Arc::clone(&self.store), self.views.clone(), params, scope);
        self.output.get_or_build(&key, &self.list, &(Arc::new(build) as _)).await
    }

    /// A forecast has a new version: before this answers, no tier of this instance holds less, nor does L3, and every
    /// list that could show the forecast, before (`tags` of its old place) or after, is outdated. A failing shared tier
    /// is counted and logged by the cache and hinders nothing: floors keep what it still holds from being answered.
    pub async fn changed(&self, key: &Key, version: Version, tags: &[Tag]) {
        let told = self.cache.changed(key, version, &with_all(tags)).await;
        drop(told);
    }

    /// Outdates the lists that could show a forecast with these tags, and nothing else.
    pub(super) fn outdate_lists(&self, tags: &[Tag]) {
        self.cache.outdate_queries(&with_all(tags));
    }

    /// A forecast may have changed (a commit whose outcome is unknown): every tier drops it, fills in the air are not
    /// stored.
    pub async fn invalidate(&self, key: &Key, tags: &[Tag]) {
        let told = self.cache.invalidate(key, &with_all(tags)).await;
        drop(told);
    }
}

/// Any change is a change of the lists that show all.
fn with_all(tags: &[Tag]) -> Vec<Tag> {
    tags.iter().cloned().chain([all_forecasts_tag()]).collect()
}

/// L4 for the cache: a row as its document.
struct StoreLoader {
    store: Arc<dyn Store>,
}

#[async_trait]
impl Loader for StoreLoader {
    /// Documents carry no tags of their own: a change of a company must not evict all its forecasts (ruling 5).
    async fn load(&self, key: &Key) -> Result<Document, LoadError> {
        let Some(id) = forecast_of_key(key) else {
            return Err(load_error(StoreError::Corrupt(format!("{key} names no forecast"))));
        };
        let found = self.store.get(id).await.map_err(load_error)?;
        let version = found.version();
        match found {
            Lookup::Absent { .. } if mutant!(AbsenceWithoutVersion) => {
                Ok(Document::absent(Version { id: VersionId(0), ..version }))
            }
            Lookup::Absent { .. } => Ok(Document::absent(version)),
            Lookup::Found { forecast, .. } => match serde_json::to_vec(&forecast) {
                Ok(body) => Ok(Document::present(version, body)),
                Err(error) => Err(load_error(StoreError::Corrupt(error.to_string()))),
            },
        }
    }

    async fn versions(&self, keys: &[Key]) -> Result<Option<Vec<Version>>, LoadError> {
        let Some(ids) = keys.iter().map(forecast_of_key).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let mut versions = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(VERSIONS_MAX) {
            let (incarnation, found) = self.store.versions(chunk).await.map_err(load_error)?;
            versions.extend(found.into_iter().map(|id| Version { incarnation, id }));
        }
        Ok(Some(versions))
    }
}

pub(super) fn load_error(error: StoreError) -> LoadError {
    let retryable = error.is_retryable();
    LoadError::new(error, retryable)
}
