//! The flight of one fill: L2, the shared tier, the source; and what may be stored of it.

use std::sync::Arc;

use tokio::time::Instant;

use crate::cache::{Inner, Level, Loader};
use crate::core::is_below;
use crate::document::{Document, Render};
use crate::error::ReadError;
use crate::event::CacheEvent;
use crate::flight::Departure;
use crate::floors::Reason;
use crate::key::{Key, Tag};
use crate::options::{Freshness, ReadOptions};
use crate::shared::{FillOutcome, FillToken, SharedError, SharedLookup, SharedValue};
use crate::stats::count;
use crate::tiers::Entry;
use crate::version::{Ordinal, Version};

/// How often the source is read again because the cache learnt of something newer during the read. Then the result is
/// served to the flight's own caller, whose request came before it, but not stored.
const REREADS_MAX: u32 = 3;

/// What a flight brings.
#[derive(Debug, Clone)]
pub(crate) struct Filled<V> {
    pub(crate) view: V,
    pub(crate) version: Version,
    pub(crate) level: Level,
    pub(crate) read_at: Instant,
    /// The ordinal before the read that found it.
    pub(crate) started: Ordinal,
    pub(crate) absent: bool,
}

/// A document on its way into the tiers.
struct Fetched {
    document: Document,
    level: Level,
    read_at: Instant,
    started: Ordinal,
}

/// What the look into L3 came to.
enum SharedStep {
    Found(Fetched),
    /// Go on to the source; with a token the result may be stored in L3.
    Missed(Option<FillToken>),
    /// L3 holds less than is known; the source's answer must raise it.
    Behind,
}

impl<R: Render> Inner<R> {
    /// One whole fill, within the hard timeout.
    pub(crate) async fn fly(
        self: Arc<Self>,
        key: Key,
        departure: Departure,
        options: ReadOptions,
        loader: Arc<dyn Loader>,
    ) -> Result<Filled<R::View>, ReadError> {
        match tokio::time::timeout(options.hard_timeout, self.fill(&key, departure, &options, &loader)).await {
            Ok(result) => result,
            Err(_) => Err(ReadError::Timeout),
        }
    }

    async fn fill(
        &self,
        key: &Key,
        departure: Departure,
        options: &ReadOptions,
        loader: &Arc<dyn Loader>,
    ) -> Result<Filled<R::View>, ReadError> {
        // An earlier flight may have landed between the caller's miss and this departure.
        if let Some(filled) = self.find_view(key, options).or_else(|| self.find_document(key, departure, options)) {
            return Ok(filled);
        }
        let step = self.find_shared(key, departure, options).await;
        if let SharedStep::Found(fetched) = step {
            return self.keep(key, departure, &fetched, options).map(|(filled, _)| filled);
        }
        let fetched = self.read_source(key, departure, options, loader).await?;
        let (filled, stored) = self.keep(key, departure, &fetched, options)?;
        match step {
            SharedStep::Missed(Some(token)) if stored => self.share(key, token, &fetched, options).await,
            SharedStep::Behind => self.note(key, self.shared.raise(key, fetched.document.version).await),
            _ => {}
        }
        Ok(filled)
    }

    fn find_view(&self, key: &Key, options: &ReadOptions) -> Option<Filled<R::View>> {
        let entry = self.l1.get(key.as_str())?;
        let now = Instant::now();
        let usable = !entry.is_expired(now)
            && options.min_version.is_none_or(|least| entry.version >= least)
            && !is_below(&entry, self.core.floors.get(key))
            && self.core.stamps.admits(&entry, now);
        usable.then(|| Filled {
            view: entry.value.clone(),
            version: entry.version,
            level: Level::L1,
            read_at: entry.read_at,
            started: entry.started,
            absent: entry.absent,
        })
    }

    /// L2: renders the tracked document anew and puts it into L1.
    pub(crate) fn find_document(
        &self,
        key: &Key,
        departure: Departure,
        options: &ReadOptions,
    ) -> Option<Filled<R::View>> {
        let now = Instant::now();
        let entry = self.core.l2.get(key.as_str())?;
        let usable = !entry.is_expired(now)
            && options.min_version.is_none_or(|least| entry.version >= least)
            && !is_below(&entry, self.core.floors.get(key))
            && (entry.tags.is_empty() || self.core.stamps.admits(&entry, now));
        if !usable {
            return None;
        }
        let view = self.render.render(key, &entry.value).ok()?;
        let fetched =
            Fetched { document: entry.value.clone(), level: Level::L2, read_at: entry.read_at, started: entry.started };
        let ready = self.view_entry(&view, &fetched, options, now);
        self.core.store_in(departure, || {
            self.l1.put_if(key, ready, |held| {
                // The floor is asked first: once it is forgotten, a document below it has left L2 already.
                held.is_none_or(|held| held.version <= entry.version)
                    && !is_below(&entry, self.core.floors.get(key))
                    && self.core.l2.get(key.as_str()).is_some_and(|now| Arc::ptr_eq(&now, &entry))
            })
        });
        Some(fetched.filled(view))
    }

    async fn find_shared(&self, key: &Key, departure: Departure, options: &ReadOptions) -> SharedStep {
        let floor = self.core.floors.get(key);
        if self.core.floors.is_amnesiac(Instant::now()) || floor.barrier != Ordinal(0) {
            return SharedStep::Missed(None);
        }
        let token = FillToken(self.core.rng.next_u64());
        let value = match self.shared.get(key, token).await {
            Ok(SharedLookup::Hit(value)) => value,
            Ok(SharedLookup::Miss { latest }) => {
                if let Some(latest) = latest {
                    // Learnt from the other instances: the source's answer must not be below it.
                    self.core.raise(key, latest, Reason::Shown, false);
                }
                return SharedStep::Missed(Some(token));
            }
            Err(error) => {
                self.note(key, Err(error));
                return SharedStep::Missed(None);
            }
        };
        let now = Instant::now();
        let least = options.min_version.unwrap_or(Version::ZERO).max(self.core.floors.get(key).version);
        if value.version < least || value.version.incarnation < self.core.incarnation() {
            return SharedStep::Behind;
        }
        if !self.core.stamps.admits_shared(&value.tags, value.age, now) {
            return SharedStep::Missed(None);
        }
        self.core.observe(value.version.incarnation);
        let read_at = now.checked_sub(value.age).unwrap_or(now);
        let document = tagged(value.document(), &options.tags);
        SharedStep::Found(Fetched { document, level: Level::L3, read_at, started: departure.started })
    }

    async fn read_source(
        &self,
        key: &Key,
        departure: Departure,
        options: &ReadOptions,
        loader: &Arc<dyn Loader>,
    ) -> Result<Fetched, ReadError> {
        let mut started = departure.started;
        for _ in 0..REREADS_MAX {
            let fetched = self.load(key, started, options, loader).await?;
            if self.core.floors.admits(key, fetched.document.version, started) {
                return Ok(fetched);
            }
            count(&self.core.counters.rereads);
            started = self.core.next_ordinal();
        }
        self.load(key, started, options, loader).await
    }

    async fn load(
        &self,
        key: &Key,
        started: Ordinal,
        options: &ReadOptions,
        loader: &Arc<dyn Loader>,
    ) -> Result<Fetched, ReadError> {
        count(&self.core.counters.loads);
        let read_at = Instant::now();
        let document = tagged(loader.load(key).await?, &options.tags);
        self.core.observe(document.version.incarnation);
        // A key that is absent at the source satisfies any minimum: there is nothing newer to wait for.
        if options.min_version.is_some_and(|least| document.version < least) && !document.is_absent() {
            return Err(ReadError::BelowMinimum { actual: document.version });
        }
        Ok(Fetched { document, level: Level::L4, read_at, started })
    }

    /// Renders what was fetched, raises the floor to it, since it is about to be shown, and stores it in L2 and L1 if
    /// nothing newer became known since its read began. Answers whether it was stored.
    fn keep(
        &self,
        key: &Key,
        departure: Departure,
        fetched: &Fetched,
        options: &ReadOptions,
    ) -> Result<(Filled<R::View>, bool), ReadError> {
        let document = &fetched.document;
        let view = self.render.render(key, document).map_err(ReadError::Corrupt)?;
        let (version, started) = (document.version, fetched.started);
        self.core.raise(key, version, Reason::Shown, false);
        let now = Instant::now();
        let ready = self.view_entry(&view, fetched, options, now);
        let tracked = self.document_entry(fetched, options);
        let stored = self.core.store_in(departure, || {
            if !tracked.is_expired(now) {
                self.core.track(key, tracked);
            }
            self.l1.put_if(key, ready, |held| {
                held.is_none_or(|held| held.version <= version) && self.core.floors.admits(key, version, started)
            })
        });
        let stored = stored.unwrap_or(false);
        if !stored {
            count(&self.core.counters.refused);
            self.core.emit(CacheEvent::FillRefused { key: key.clone() });
        }
        Ok((fetched.filled(view), stored))
    }

    async fn share(&self, key: &Key, token: FillToken, fetched: &Fetched, options: &ReadOptions) {
        let age = fetched.read_at.elapsed();
        let (Some(body), Some(ttl)) = (&fetched.document.body, options.shared_ttl.checked_sub(age)) else { return };
        let (version, tags) = (fetched.document.version, Arc::clone(&fetched.document.tags));
        let value = SharedValue { version, body: body.clone(), tags, age };
        match self.shared.fill(key, token, value, ttl).await {
            Ok(FillOutcome::Stored) => count(&self.core.counters.shared_stored),
            Ok(FillOutcome::Refused) => count(&self.core.counters.shared_refused),
            Err(error) => self.note(key, Err(error)),
        }
    }

    /// Counts a failure of the shared tier; reads go on without it.
    pub(crate) fn note(&self, key: &Key, result: Result<(), SharedError>) {
        if let Err(error) = result {
            count(&self.core.counters.shared_errors);
            tracing::warn!(%key, %error, "shared tier failed");
            self.core.emit(CacheEvent::SharedTierFailed { key: key.clone(), error: error.to_string() });
        }
    }

    fn view_entry(&self, view: &R::View, fetched: &Fetched, options: &ReadOptions, now: Instant) -> Entry<R::View> {
        let document = &fetched.document;
        let life = if document.is_absent() { options.negative_ttl } else { options.ttl };
        let expires = now + self.core.jittered(life, options);
        fetched.entry(view.clone(), expires, self.render.weight_bytes(view))
    }

    fn document_entry(&self, fetched: &Fetched, options: &ReadOptions) -> Entry<Document> {
        let document = &fetched.document;
        let Freshness::TtlOnly { l2_ttl } = self.core.config.freshness;
        let life = if document.is_absent() { options.negative_ttl } else { l2_ttl };
        let expires = fetched.read_at + self.core.jittered(life, options);
        fetched.entry(document.clone(), expires, document.weight_bytes())
    }
}

impl Fetched {
    fn entry<T>(&self, value: T, expires: Instant, weight_bytes: usize) -> Entry<T> {
        /// Key, entry and moka's own bookkeeping, about.
        const OVERHEAD_BYTES: usize = 320;
        let mut entry = Entry::new(value, self.document.version, self.started, self.read_at, expires);
        entry.tags = Arc::clone(&self.document.tags);
        entry.absent = self.document.is_absent();
        entry.weight = u32::try_from(weight_bytes + OVERHEAD_BYTES).unwrap_or(u32::MAX);
        entry
    }

    fn filled<V>(&self, view: V) -> Filled<V> {
        Filled {
            view,
            version: self.document.version,
            level: self.level,
            read_at: self.read_at,
            started: self.started,
            absent: self.document.is_absent(),
        }
    }
}

/// The document with the read's tags beside its own.
fn tagged(document: Document, tags: &Arc<[Tag]>) -> Document {
    if tags.is_empty() {
        return document;
    }
    let all = document.tags.iter().chain(tags.iter()).cloned().collect::<Vec<_>>();
    document.with_tags(all)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::ambient::Rng;
    use crate::cache::Cache;
    use crate::document::Plain;
    use crate::error::LoadError;
    use crate::options::CacheConfig;
    use crate::shared::{MemorySharedTier, MemorySharedTierLimits};

    struct Counted(AtomicU64);

    impl Rng for Counted {
        fn next_u64(&self) -> u64 {
            self.0.fetch_add(1, Ordering::Relaxed)
        }
    }

    #[async_trait]
    impl Loader for Counted {
        async fn load(&self, _key: &Key) -> Result<Document, LoadError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Document::present(Version::new(1, 1), "{}"))
        }
    }

    /// Table 7 row 24 of the research, the last gap: a caller that missed, was delayed, and departs only after another
    /// flight landed. Without the second look in `fill` it reads the source again.
    #[tokio::test(start_paused = true)]
    async fn a_flight_that_departs_after_another_landed_loads_nothing() {
        let shared = MemorySharedTier::new(MemorySharedTierLimits::default()).into_port();
        let cache = Cache::new(CacheConfig::default(), Plain, shared, Arc::new(Counted(AtomicU64::new(1))));
        let source = Arc::new(Counted(AtomicU64::new(0)));
        let loader: Arc<dyn Loader> = Arc::clone(&source) as _;
        let (key, options) = (Key::prefixed("k", 1), ReadOptions::default());
        cache.get_or_load(&key, &options, &loader).await.unwrap();
        let late = Arc::clone(&cache.inner).fly(key, cache.inner.core.depart(), options, loader).await.unwrap();
        assert_eq!((late.level, source.0.load(Ordering::Relaxed)), (Level::L1, 1));
        assert_eq!(cache.stats().hits_l3, 0);
    }
}
