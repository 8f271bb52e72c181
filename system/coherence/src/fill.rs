//! The flight of one fill: L2, the shared tier, the source; and what may be stored of it.

use std::sync::Arc;

use tokio::time::Instant;

use crate::cache::{Inner, Level, Loader};
use crate::core::{Reason, is_below};
use crate::document::{Document, Render};
use crate::error::ReadError;
use crate::flight::Departure;
use crate::floors::Floor;
use crate::key::{Key, Tag};
use crate::mutant;
use crate::options::ReadOptions;
use crate::shared::{FillToken, SharedError, SharedLookup};
use crate::stats::count;
use crate::version::{Ordinal, StreamEpoch, Version};

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
pub(crate) struct Fetched {
    pub(crate) document: Document,
    pub(crate) level: Level,
    pub(crate) read_at: Instant,
    pub(crate) started: Ordinal,
}

/// What the look into L3 came to.
enum SharedStep {
    Found(Fetched),
    /// Go on to the source; with a token the result may be stored in L3, in the epoch of the miss.
    Missed(Option<(FillToken, StreamEpoch)>),
    /// L3 holds less than is known; the source's answer must raise it.
    Behind,
}

/// What a flight still owes L3 when it has its answer.
enum Debt {
    None,
    Fill((FillToken, StreamEpoch), Fetched),
    Raise(Version),
}

impl<R: Render> Inner<R> {
    /// One whole fill, within the hard timeout. L3 is filled afterwards, under a deadline of its own: what the source
    /// answered is not lost because L3 hangs.
    pub(crate) async fn fly(
        self: Arc<Self>,
        key: Key,
        departure: Departure,
        options: ReadOptions,
        loader: Arc<dyn Loader>,
    ) -> Result<Filled<R::View>, ReadError> {
        let fill =
            tokio::time::timeout(self.core.fill_deadline(&options), self.fill(&key, departure, &options, &loader));
        let Ok(filled) = fill.await else { return Err(ReadError::Timeout) };
        let (filled, debt) = filled?;
        match debt {
            Debt::None => {}
            Debt::Fill(miss, fetched) => self.share(&key, miss, &fetched, &options).await,
            Debt::Raise(version) => {
                let raise = tokio::time::timeout(options.shared_timeout, self.raise_shared(&key, version));
                // A failure is noted where it happens; the floor stays for as long as L3 may hold less.
                if raise.await.is_err() {
                    self.note(&key, Err(SharedError::Timeout));
                }
            }
        }
        Ok(filled)
    }

    async fn fill(
        &self,
        key: &Key,
        departure: Departure,
        options: &ReadOptions,
        loader: &Arc<dyn Loader>,
    ) -> Result<(Filled<R::View>, Debt), ReadError> {
        // An earlier flight may have landed between the caller's miss and this departure.
        if let Some(filled) = self.find_view(key, options).or_else(|| self.find_document(key, departure, options)) {
            return Ok((filled, Debt::None));
        }
        // What is known now binds this flight to its end, also if the floor is forgotten meanwhile.
        let floor = self.core.floors.get(key);
        let step = self.find_shared(key, departure, floor, options).await;
        if let SharedStep::Found(fetched) = step {
            let (filled, _) = self.keep(key, departure, &fetched, options)?;
            self.core.floors.settle(key, fetched.document.version);
            return Ok((filled, Debt::None));
        }
        let fetched = self.read_source(key, departure, floor, options, loader).await?;
        let (filled, stored) = self.keep(key, departure, &fetched, options)?;
        let debt = match step {
            SharedStep::Missed(Some(miss)) if stored => Debt::Fill(miss, fetched),
            SharedStep::Behind => Debt::Raise(fetched.document.version),
            _ => Debt::None,
        };
        Ok((filled, debt))
    }

    fn find_view(&self, key: &Key, options: &ReadOptions) -> Option<Filled<R::View>> {
        let entry = self.l1.get(key.as_str())?;
        let now = Instant::now();
        let usable = !entry.is_expired(self.core.trust.life_clock(now))
            && self.core.trust.may_answer(now)
            && self.allows(key, &entry, options, now);
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
        if entry.is_expired(self.core.trust.life_clock(now))
            || !self.core.trust.may_answer(now)
            || !self.allows(key, &entry, options, now)
        {
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

    async fn find_shared(&self, key: &Key, departure: Departure, floor: Floor, options: &ReadOptions) -> SharedStep {
        let now = Instant::now();
        let trusted = self.core.trust.shared_is_held(now) || mutant!(SharedTrustedWhileSuspect);
        if !trusted || self.core.floors.is_amnesiac(now) || floor.barrier != Ordinal(0) {
            return SharedStep::Missed(None);
        }
        let (token, epoch) = (FillToken(self.core.rng.next_u64()), self.core.trust.epoch());
        let looked = tokio::time::timeout(options.shared_timeout, self.shared.get(key, token, epoch));
        let value = match looked.await.unwrap_or(Err(SharedError::Timeout)) {
            Ok(SharedLookup::Hit(value)) => value,
            Ok(SharedLookup::Miss { latest }) => {
                if let Some(latest) = latest {
                    // Learnt from the other instances: the source's answer must not be below it.
                    self.core.raise(key, latest, Reason::Shown, false);
                    self.core.floors.settle(key, latest);
                }
                return SharedStep::Missed(Some((token, epoch)));
            }
            Err(error) => {
                self.note(key, Err(error));
                return SharedStep::Missed(None);
            }
        };
        let now = Instant::now();
        let known = floor.version.max(self.core.floors.get(key).version);
        let least = options.min_version.unwrap_or(Version::ZERO).max(known);
        if value.version < least || value.version.incarnation < self.core.incarnation() {
            return SharedStep::Behind;
        }
        // The tags of the read count too: what the sync wrote carries none.
        let admits = |tags: &[Tag]| self.core.stamps.admits_shared(tags, value.age, now);
        if !admits(&value.tags) || !admits(&options.tags) {
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
        floor: Floor,
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
        let last = self.load(key, started, options, loader).await?;
        match last.document.version < floor.version {
            // The source itself lags behind what was known when the flight began.
            true => Err(ReadError::BelowMinimum { actual: last.document.version }),
            false => Ok(last),
        }
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
    use crate::testing::TestClock;

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
        let cache =
            Cache::new(CacheConfig::default(), Plain, shared, Arc::new(Counted(AtomicU64::new(1))), TestClock::new());
        let source = Arc::new(Counted(AtomicU64::new(0)));
        let loader: Arc<dyn Loader> = Arc::clone(&source) as _;
        let (key, options) = (Key::prefixed("k", 1), ReadOptions::default());
        cache.get_or_load(&key, &options, &loader).await.unwrap();
        let late = Arc::clone(&cache.inner).fly(key, cache.inner.core.depart(), options, loader).await.unwrap();
        assert_eq!((late.level, source.0.load(Ordering::Relaxed)), (Level::L1, 1));
        assert_eq!(cache.stats().hits_l3, 0);
    }
}
