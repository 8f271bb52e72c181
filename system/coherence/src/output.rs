//! The output cache: whole responses of queries, evicted by tags (ruling 15: entities live in L1, queries here).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::core::{Core, Reason, after, queries_tag};
use crate::document::Render;
use crate::error::{LoadError, ReadError};
use crate::flight::{BOARDINGS_MAX, Departure, Flights};
use crate::key::{Key, Tag};
use crate::mutant;
use crate::options::ReadOptions;
use crate::stats::count;
use crate::tiers::{Entry, LocalTier};
use crate::version::{Ordinal, Version};

/// How often a query is built again because an item that it shows became newer meanwhile. Then the result is served to
/// its own caller, whose request came before that, but not stored.
const REBUILDS_MAX: u32 = 3;

/// A response that was built, with what evicts it.
#[derive(Debug, Clone)]
pub struct Built<V> {
    /// The ready response. Clones must be cheap.
    pub view: V,
    /// About how many bytes of memory it takes.
    pub weight_bytes: usize,
    /// The items shown, with the versions shown.
    pub shows: Vec<(Key, Version)>,
    /// The tags of the query itself: a change of anything that it could show stamps one of them.
    pub tags: Vec<Tag>,
}

/// Builds the response of one query from the source.
#[async_trait]
pub trait Build<V>: Send + Sync + 'static {
    /// Reads the source, now, in one snapshot, and builds the response.
    async fn build(&self) -> Result<Built<V>, LoadError>;
}

/// An answer of the output cache.
#[derive(Debug, Clone)]
pub struct QueryAnswer<V> {
    /// The ready response.
    pub view: V,
    /// Whether it was built before this call.
    pub hit: bool,
    /// How long ago the source was read.
    pub age: Duration,
    /// Whether it had expired and is answered because the source failed.
    pub stale: bool,
}

#[derive(Debug, Clone)]
struct Outcome<V> {
    view: V,
    started: Ordinal,
    read_at: Instant,
    shows: Arc<[(Key, Version)]>,
    tags: Arc<[Tag]>,
}

/// Responses of queries over the things of one [`Cache`], with whose floors and stamps they agree. Clones share everything.
pub struct OutputCache<V: Clone + Send + Sync + 'static> {
    inner: Arc<Inner<V>>,
}

impl<V: Clone + Send + Sync + 'static> Clone for OutputCache<V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<V: Clone + Send + Sync + 'static> {
    core: Arc<Core>,
    tier: LocalTier<V>,
    flights: Flights<Result<Outcome<V>, ReadError>>,
}

impl<V: Clone + Send + Sync + 'static> OutputCache<V> {
    /// An output cache for queries over the things in `cache`.
    pub fn new<R: Render>(cache: &Cache<R>) -> Self {
        let core = Arc::clone(&cache.inner.core);
        let tier = LocalTier::new(core.config.output_bytes, core.rng.next_u64(), core.config.maintenance);
        Self { inner: Arc::new(Inner { core, tier, flights: Flights::new() }) }
    }

    /// The response of the query named `key`, built by `build` if there is none. The key must name everything that the
    /// response depends on, the caller's scope included (ruling 16).
    ///
    /// # Errors
    /// [`ReadError`], after an expired response was looked for (`options.max_stale`).
    pub async fn get_or_build(
        &self,
        key: &Key,
        options: &ReadOptions,
        build: &Arc<dyn Build<V>>,
    ) -> Result<QueryAnswer<V>, ReadError> {
        match self.peek(key.as_str()) {
            Some(hit) => Ok(hit),
            None => Box::pin(self.build_through(key, options, build)).await,
        }
    }

    async fn build_through(
        &self,
        key: &Key,
        options: &ReadOptions,
        build: &Arc<dyn Build<V>>,
    ) -> Result<QueryAnswer<V>, ReadError> {
        let inner = &self.inner;
        for _ in 0..BOARDINGS_MAX {
            let departure = inner.core.depart();
            let seat = inner.flights.board(
                key,
                departure,
                |other| departure.may_join(&other),
                || Arc::clone(inner).fly(key.clone(), departure, options.clone(), Arc::clone(build)),
            );
            let Some(seat) = seat else { return inner.stale_or(key, options, ReadError::Overloaded) };
            if !seat.is_pilot {
                count(&inner.core.counters.joins);
            }
            match seat.land().await.unwrap_or(Err(ReadError::Aborted)) {
                Ok(outcome) if seat.is_pilot || inner.is_current(&outcome) => return Ok(outcome.answer()),
                Ok(_) => {}
                Err(error) => return inner.stale_or(key, options, error),
            }
        }
        let alone = Arc::clone(inner).fly(key.clone(), inner.core.depart(), options.clone(), Arc::clone(build));
        match alone.await {
            Ok(outcome) => Ok(outcome.answer()),
            Err(error) => inner.stale_or(key, options, error),
        }
    }

    /// The stored response, if it is neither expired nor outdated.
    pub fn peek(&self, key: &str) -> Option<QueryAnswer<V>> {
        let inner = &self.inner;
        let entry = inner.tier.get(key)?;
        let now = Instant::now();
        let over = entry.is_expired(inner.core.trust.life_clock(now));
        if over || !inner.core.trust.may_answer(now) || !inner.core.stamps.admits(&entry, now) {
            return None;
        }
        count(&inner.core.counters.hits_output);
        let age = now.saturating_duration_since(entry.read_at);
        Some(QueryAnswer { view: entry.value.clone(), hit: true, age, stale: false })
    }

    /// How many responses are held, about, and their bytes.
    pub fn sizes(&self) -> (u64, u64) {
        (self.inner.tier.len(), self.inner.tier.weight())
    }
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    async fn fly(
        self: Arc<Self>,
        key: Key,
        departure: Departure,
        options: ReadOptions,
        build: Arc<dyn Build<V>>,
    ) -> Result<Outcome<V>, ReadError> {
        match tokio::time::timeout(self.core.fill_deadline(&options), self.build(&key, departure, &options, &build))
            .await
        {
            Ok(result) => result,
            Err(_) => Err(ReadError::Timeout),
        }
    }

    async fn build(
        &self,
        key: &Key,
        departure: Departure,
        options: &ReadOptions,
        build: &Arc<dyn Build<V>>,
    ) -> Result<Outcome<V>, ReadError> {
        let mut started = departure.started;
        for rebuilds in 0..=REBUILDS_MAX {
            count(&self.core.counters.builds);
            let read_at = Instant::now();
            let built = build.build().await?;
            if let Some((_, version)) = built.shows.first() {
                self.core.observe(version.incarnation);
            }
            let admitted = built.shows.iter().all(|(key, version)| self.core.floors.admits(key, *version, started));
            let last = rebuilds == REBUILDS_MAX;
            // The source itself lags behind what was known when the request came.
            let binds = |(key, version): &&(Key, Version)| self.core.floors.binds(key, *version, departure.started);
            if let Some((_, version)) = built.shows.iter().find(binds).filter(|_| last) {
                return Err(ReadError::BelowMinimum { actual: *version });
            }
            if admitted || last {
                return Ok(self.keep(key, Departure { started, ..departure }, built, read_at, options));
            }
            count(&self.core.counters.rereads);
            started = self.core.next_ordinal();
        }
        Err(ReadError::Aborted)
    }

    /// Raises the floors of the items, since they are about to be shown, and stores the response unless one of its tags
    /// was stamped since its build began.
    fn keep(
        &self,
        key: &Key,
        departure: Departure,
        built: Built<V>,
        read_at: Instant,
        options: &ReadOptions,
    ) -> Outcome<V> {
        for (key, version) in &built.shows {
            self.core.raise(key, *version, Reason::Shown, false);
        }
        let expires = after(Instant::now(), self.core.jittered(options.ttl, options));
        let started = if mutant!(TagStampNotRechecked) { self.core.next_ordinal() } else { departure.started };
        let mut entry = Entry::new(built.view.clone(), Version::ZERO, started, read_at, expires);
        // The section's stamp outdates every query.
        entry.tags = built.tags.into_iter().chain([queries_tag()]).collect();
        entry.shows = built.shows.iter().map(|(key, version)| (key.tag(), *version)).collect();
        entry.weight = u32::try_from(built.weight_bytes + 96 * entry.shows.len()).unwrap_or(u32::MAX);
        let tags = Arc::clone(&entry.tags);
        // Stamped meanwhile or not: the stamps are compared at every hit too, so an eviction after this is not missed.
        let stored = self.core.store_in(departure, || {
            self.core.stamps.admits(&entry, Instant::now())
                && self.tier.put_if(key, entry, |held| held.is_none_or(|held| held.started <= started))
        });
        if stored != Some(true) {
            count(&self.core.counters.refused);
        }
        Outcome { view: built.view, started: departure.started, read_at, shows: built.shows.into(), tags }
    }

    /// Whether a build that somebody else began shows all that is known by now.
    fn is_current(&self, outcome: &Outcome<V>) -> bool {
        self.core.stamps.admits_parts(&outcome.tags, outcome.started)
            && outcome.shows.iter().all(|(key, version)| self.core.floors.admits(key, *version, outcome.started))
    }

    /// An expired response, if its tags were not stamped and its items are not below their floors.
    fn stale_or(&self, key: &Key, options: &ReadOptions, error: ReadError) -> Result<QueryAnswer<V>, ReadError> {
        let now = Instant::now();
        let entry = self.tier.get(key.as_str()).filter(|entry| {
            let stale_for = now.saturating_duration_since(self.core.ends(entry));
            let young = options.max_stale.is_some_and(|max| stale_for <= max) || mutant!(StaleForEver);
            young && self.core.stamps.admits(entry, now)
        });
        let Some(entry) = entry else { return Err(error) };
        count(&self.core.counters.stale);
        let age = now.saturating_duration_since(entry.read_at);
        Ok(QueryAnswer { view: entry.value.clone(), hit: true, age, stale: !mutant!(StaleUnmarked) })
    }
}

impl<V> Outcome<V> {
    fn answer(self) -> QueryAnswer<V> {
        QueryAnswer { view: self.view, hit: false, age: self.read_at.elapsed(), stale: false }
    }
}
