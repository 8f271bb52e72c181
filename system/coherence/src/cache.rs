//! The cache: `get_or_load` through the tiers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::ambient::{Rng, WallClock};
use crate::core::{Core, is_below};
use crate::document::{Document, Render};
use crate::error::{LoadError, ReadError};
use crate::fill::Filled;
use crate::flight::{BOARDINGS_MAX, Flights, Seat};
use crate::key::Key;
use crate::mutant;
use crate::options::{CacheConfig, ReadOptions};
use crate::shared::SharedTier;
use crate::stats::{CacheStats, count};
use crate::tiers::{Entry, LocalTier};
use crate::version::Version;

/// How long a read waits for the patch that brings its minimum version.
pub const MIN_VERSION_WAIT: Duration = Duration::from_millis(50);

/// The source of documents: L4.
#[async_trait]
pub trait Loader: Send + Sync + 'static {
    /// Reads `key` at the source, now.
    async fn load(&self, key: &Key) -> Result<Document, LoadError>;

    /// The versions at which the source holds `keys` now, tombstones' included (`(incarnation, 0)`: there never was one),
    /// in their order: how a cache that lost certainty finds out which of its documents are old. At most
    /// [`crate::follower::VERIFY_KEYS_MAX`] keys at a time. `None`: the source cannot tell, and all are read again.
    async fn versions(&self, keys: &[Key]) -> Result<Option<Vec<Version>>, LoadError> {
        let _ = keys;
        Ok(None)
    }
}

/// Which tier answered. The names are the specification's (section 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Ready views in this process.
    L1,
    /// Documents in this process.
    L2,
    /// The shared tier.
    L3,
    /// The source.
    L4,
}

impl Level {
    /// `L1` to `L4`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L4 => "L4",
        }
    }
}

/// An answer of the cache.
#[derive(Debug, Clone)]
pub struct Answer<V> {
    /// The ready form.
    pub view: V,
    /// The version that it shows.
    pub version: Version,
    /// The tier that answered.
    pub level: Level,
    /// How long ago the source was read.
    pub age: Duration,
    /// Whether the entry had expired and is answered because the source failed or is slow.
    pub stale: bool,
    /// Whether it is the absence of the key.
    pub absent: bool,
}

/// A multi-tier cache. Clones share everything.
///
/// ```
/// # use std::sync::Arc;
/// # use coherence::*;
/// # struct Seed;
/// # struct Wall;
/// # impl WallClock for Wall { fn now(&self) -> Timestamp { Timestamp::UNIX_EPOCH } }
/// # impl Rng for Seed { fn next_u64(&self) -> u64 { 7 } }
/// struct Prices;
/// #[async_trait::async_trait]
/// impl Loader for Prices {
///     async fn load(&self, key: &Key) -> Result<Document, LoadError> {
///         Ok(Document::present(Version::new(1, 42), format!(r#"{{"of":"{key}"}}"#)))
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shared = Arc::new(shared::MemorySharedTier::new(Default::default()));
/// let cache = Cache::new(CacheConfig::default(), Plain, shared, Arc::new(Seed), Arc::new(Wall));
/// let (key, loader) = (Key::new("price:1")?, Arc::new(Prices) as Arc<dyn Loader>);
/// let options = ReadOptions::default();
/// assert_eq!(cache.get_or_load(&key, &options, &loader).await?.level, Level::L4);
/// assert_eq!(cache.get_or_load(&key, &options, &loader).await?.level, Level::L1);
/// # Ok(())
/// # }
/// ```
pub struct Cache<R: Render> {
    pub(crate) inner: Arc<Inner<R>>,
}

impl<R: Render> Clone for Cache<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

pub(crate) struct Inner<R: Render> {
    pub(crate) core: Arc<Core>,
    pub(crate) l1: Arc<LocalTier<R::View>>,
    pub(crate) shared: Arc<dyn SharedTier>,
    pub(crate) render: R,
    flights: Flights<Result<Filled<R::View>, ReadError>>,
}

impl<R: Render> Cache<R> {
    /// An empty cache over `shared`. `rng` seeds the hashers and makes fill tokens and jitter; `clock` ends leases.
    ///
    /// Under [`crate::Freshness::TtlOnly`] it serves at once. Under the others it is suspect, and reads through, until a
    /// [`crate::follower::Follower`] runs and has heard a beacon.
    pub fn new(
        config: CacheConfig,
        render: R,
        shared: Arc<dyn SharedTier>,
        rng: Arc<dyn Rng>,
        clock: Arc<dyn WallClock>,
    ) -> Self {
        let l1 = Arc::new(LocalTier::new(config.l1_bytes, rng.next_u64(), config.maintenance));
        let core = Arc::new(Core::new(config, rng, clock, Arc::clone(&l1) as _));
        Self { inner: Arc::new(Inner { core, l1, shared, render, flights: Flights::new() }) }
    }

    /// Reads `key` through the tiers: L1, L2, L3, then `loader`.
    ///
    /// One fill for each key is in the air at a time; it is detached from its callers. The answer is never below the
    /// key's floor when its read began, and never below `options.min_version`.
    ///
    /// # Errors
    /// [`ReadError`], after a stale answer was looked for (`options.max_stale`).
    pub async fn get_or_load(
        &self,
        key: &Key,
        options: &ReadOptions,
        loader: &Arc<dyn Loader>,
    ) -> Result<Answer<R::View>, ReadError> {
        match self.peek(key.as_str(), options.min_version) {
            Some(hit) => Ok(hit),
            // Boxed, so that the callers of a hit do not carry, and move about, the whole of a fill.
            None => Box::pin(self.read_through(key, options, loader)).await,
        }
    }

    /// The answer of L1 alone, if it has one: one lookup, nothing written, no await.
    pub fn peek(&self, key: &str, min_version: Option<Version>) -> Option<Answer<R::View>> {
        let inner = &self.inner;
        let entry = inner.l1.get(key)?;
        let now = Instant::now();
        if entry.is_expired(inner.core.trust.life_clock(now))
            || !inner.core.trust.may_answer(now)
            || (min_version.is_some_and(|least| entry.version < least) && !mutant!(MinVersionIgnored))
            || !(entry.tags.is_empty() || inner.core.stamps.admits(&entry, now))
        {
            return None;
        }
        count(&inner.core.counters.hits_l1);
        Some(Answer {
            view: entry.value.clone(),
            version: entry.version,
            level: Level::L1,
            age: inner.core.trust.age(entry.read_at, now),
            stale: false,
            absent: entry.absent,
        })
    }

    /// The least version of `key` that may be answered here: the highest that was shown or learnt of late. A source that
    /// says less lags behind, or was put back, and must not be written to on the strength of that.
    pub fn floor(&self, key: &Key) -> Version {
        self.inner.core.floors.get(key).version
    }

    /// Whether this cache was told that `key` changed to `version` or a later one, with the tags that it had: by a write of
    /// its own, or by any road. Reading it is not being told: that outdates no query that lacks the thing. `false` also where
    /// it was forgotten.
    pub fn has_heard(&self, key: &Key, version: Version) -> bool {
        self.inner.core.announced.knows(key, version)
    }

    /// The counters.
    pub fn stats(&self) -> CacheStats {
        self.inner.core.counters.snapshot()
    }

    async fn read_through(
        &self,
        key: &Key,
        options: &ReadOptions,
        loader: &Arc<dyn Loader>,
    ) -> Result<Answer<R::View>, ReadError> {
        let inner = &self.inner;
        let arrived = inner.core.next_ordinal();
        if let Some(least) = options.min_version {
            inner.await_version(key, least).await;
        }
        for _ in 0..BOARDINGS_MAX {
            let departure = inner.core.depart();
            if let Some(filled) = inner.find_document(key, departure, options) {
                return Ok(inner.answer(filled));
            }
            let barrier = inner.core.floors.get(key).barrier;
            let seat = inner.flights.board(
                key,
                departure,
                |other| departure.may_join(&other) && other.started > barrier,
                || Arc::clone(inner).fly(key.clone(), departure, options.clone(), Arc::clone(loader)),
            );
            let Some(seat) = seat else { return inner.stale_or(key, options, ReadError::Overloaded) };
            if !seat.is_pilot {
                count(&inner.core.counters.joins);
            }
            match inner.land(&seat, key, options).await {
                Ok(Landed::Stale(answer)) => return Ok(answer),
                Ok(Landed::Filled(filled)) if seat.is_pilot || inner.satisfies(&filled, key, options) => {
                    return Ok(inner.answer(filled));
                }
                // A flight that began after this caller came has asked the source late enough for it.
                Err(ReadError::BelowMinimum { actual })
                    if !seat.is_pilot
                        && (seat.departure.started <= arrived
                            || options.min_version.is_none_or(|least| actual >= least)) => {}
                Err(error) => return inner.stale_or(key, options, error),
                // The flight had begun before what this caller knows: board the next one.
                Ok(_) => {}
            }
        }
        let alone = Arc::clone(inner).fly(key.clone(), inner.core.depart(), options.clone(), Arc::clone(loader));
        match alone.await {
            Ok(filled) => Ok(inner.answer(filled)),
            Err(error) => inner.stale_or(key, options, error),
        }
    }
}

enum Landed<V> {
    Filled(Filled<V>),
    Stale(Answer<V>),
}

impl<R: Render> Inner<R> {
    /// A reader wants `least`, and an older document is tracked: its patch may be on the way, which is cheaper to wait for
    /// than the source (DESIGN section 3.6, C4).
    async fn await_version(&self, key: &Key, least: Version) {
        let behind = || {
            let trusted = self.core.trust.is_leased() && self.core.trust.is_held(Instant::now());
            trusted && self.core.l2.get(key.as_str()).is_some_and(|entry| entry.version < least)
        };
        let wait = async {
            loop {
                let mut reached = std::pin::pin!(self.core.reached.notified());
                // Registered before the look: what is reached in between is not missed.
                reached.as_mut().enable();
                if !behind() {
                    return;
                }
                reached.await;
            }
        };
        // Late or not, the read goes on.
        drop(tokio::time::timeout(MIN_VERSION_WAIT, wait).await);
    }

    /// Waits for the flight; after the soft timeout a stale answer is taken if there is one.
    async fn land(
        &self,
        seat: &Seat<Result<Filled<R::View>, ReadError>>,
        key: &Key,
        options: &ReadOptions,
    ) -> Result<Landed<R::View>, ReadError> {
        if let Some(soft) = options.soft_timeout.filter(|soft| *soft < options.hard_timeout)
            && self.stale(key, options).is_some()
        {
            match tokio::time::timeout(soft, seat.land()).await {
                Ok(landed) => return landed.unwrap_or(Err(ReadError::Aborted)).map(Landed::Filled),
                // Looked up again: what was allowed when the wait began may have been outdated since.
                Err(_) => {
                    if let Some(answer) = self.stale(key, options) {
                        count(&self.core.counters.stale);
                        return Ok(Landed::Stale(answer));
                    }
                }
            }
        }
        seat.land().await.unwrap_or(Err(ReadError::Aborted)).map(Landed::Filled)
    }

    /// Whether a flight that somebody else began satisfies a caller who joined it.
    fn satisfies(&self, filled: &Filled<R::View>, key: &Key, options: &ReadOptions) -> bool {
        // Not the floor alone: the one that this caller relies on may have been forgotten already.
        self.core.floors.admits(key, filled.version, filled.started)
            && options.min_version.is_none_or(|least| filled.version >= least)
    }

    fn answer(&self, filled: Filled<R::View>) -> Answer<R::View> {
        let counters = &self.core.counters;
        count(match filled.level {
            Level::L1 => &counters.hits_l1,
            Level::L2 => &counters.hits_l2,
            Level::L3 => &counters.hits_l3,
            Level::L4 => &counters.hits_l4,
        });
        Answer {
            view: filled.view,
            version: filled.version,
            level: filled.level,
            age: match filled.level {
                Level::L1 | Level::L2 => self.core.trust.age(filled.read_at, Instant::now()),
                Level::L3 | Level::L4 => filled.read_at.elapsed(),
            },
            stale: false,
            absent: filled.absent,
        }
    }

    fn stale_or(&self, key: &Key, options: &ReadOptions, error: ReadError) -> Result<Answer<R::View>, ReadError> {
        match error {
            ReadError::Corrupt(_) | ReadError::BelowMinimum { .. } => Err(error),
            ReadError::Load(_) | ReadError::Timeout | ReadError::Overloaded | ReadError::Aborted => {
                let answer = self.stale(key, options).ok_or(error)?;
                count(&self.core.counters.stale);
                Ok(answer)
            }
        }
    }

    /// The last good answer that the floor and the stamps allow, up to the stale age.
    fn stale(&self, key: &Key, options: &ReadOptions) -> Option<Answer<R::View>> {
        let ready = || {
            let entry = self.l1.get(key.as_str())?;
            self.may_be_stale(key, &entry, options).then(|| (entry.value.clone(), Held::of(&entry, Level::L1)))
        };
        let tracked = || {
            let entry = self.core.l2.get(key.as_str())?;
            let view = self.render.render(key, &entry.value).ok()?;
            self.may_be_stale(key, &entry, options).then(|| (view, Held::of(&entry, Level::L2)))
        };
        let (view, held) = ready().or_else(tracked)?;
        let age = held.read_at.elapsed();
        let stale = !mutant!(StaleUnmarked);
        Some(Answer { view, version: held.version, level: held.level, age, stale, absent: held.absent })
    }

    fn may_be_stale<T>(&self, key: &Key, entry: &Entry<T>, options: &ReadOptions) -> bool {
        let now = Instant::now();
        let stale_for = now.saturating_duration_since(self.core.ends(entry));
        let young = options.max_stale.is_some_and(|max| stale_for <= max) || mutant!(StaleForEver);
        young && self.allows(key, entry, options, now)
    }

    /// Whether minimum, floor and stamps let an entry answer this read, its own life aside.
    pub(crate) fn allows<T>(&self, key: &Key, entry: &Entry<T>, options: &ReadOptions, now: Instant) -> bool {
        let enough = options.min_version.is_none_or(|least| entry.version >= least);
        (enough || mutant!(MinVersionIgnored))
            && !is_below(entry, self.core.floors.get(key))
            && (entry.tags.is_empty() || self.core.stamps.admits(entry, now))
    }
}

/// What [`Inner::stale`] needs of an entry, whatever its value is.
struct Held {
    version: Version,
    read_at: Instant,
    absent: bool,
    level: Level,
}

impl Held {
    fn of<T>(entry: &Entry<T>, level: Level) -> Self {
        Self { version: entry.version, read_at: entry.read_at, absent: entry.absent, level }
    }
}
