//! What the parts of one cache share: the ordinals, the floors, the stamps, the store gate, and L2.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;

use crate::ambient::{Rng, WallClock};
use crate::announced::Announced;
use crate::document::Document;
use crate::event::{CacheEvent, EVENTS_MAX};
use crate::flight::Departure;
use crate::floors::{Floor, FloorLives, Floors};
use crate::history::{History, Mutation};
use crate::key::{Key, Tag};
use crate::mutant;
use crate::options::{CacheConfig, ReadOptions};
use crate::stamps::TagStamps;
use crate::stats::{Counters, count};
use crate::tiers::{Entry, LocalTier};
use crate::trust::Trust;
use crate::version::{Generation, Incarnation, Ordinal, Version};

/// Why a floor is raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The version was read and is about to be shown.
    Shown,
    /// The key is known to have changed to the version.
    Changed,
}

/// L1 as the core sees it, whatever its views are.
pub(crate) trait ViewTier: Send + Sync {
    /// Drops the entry of `key` if it does not satisfy `floor`. It goes through the writers' queue of the key even if
    /// nothing is there: a fill may have been admitted against the old floor and not have landed yet.
    fn drop_below(&self, key: &Key, floor: Floor);
    fn clear(&self);
    /// Drops every entry of which `tracked` does not say that its version is tracked.
    fn drop_untracked(&self, tracked: &dyn Fn(&Key, Version) -> bool);
}

impl<T: Send + Sync + 'static> ViewTier for LocalTier<T> {
    fn drop_below(&self, key: &Key, floor: Floor) {
        self.remove_if(key, |entry| is_below(entry, floor));
    }

    fn clear(&self) {
        LocalTier::clear(self);
    }

    fn drop_untracked(&self, tracked: &dyn Fn(&Key, Version) -> bool) {
        for key in self.keys() {
            self.remove_if(&key, |entry| !tracked(&key, entry.version));
        }
    }
}

pub(crate) fn is_below<T>(entry: &Entry<T>, floor: Floor) -> bool {
    entry.version < floor.version || entry.started <= floor.barrier
}

/// The tag that every query carries, beside its own: the section's stamp.
pub(crate) fn queries_tag() -> Tag {
    // No key begins with a space where keys are `<section>:<data key>`.
    Tag::prefixed(" ", "queries")
}

/// Shared by a [`crate::Cache`] and its [`crate::OutputCache`]s.
pub(crate) struct Core {
    pub(crate) config: CacheConfig,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) floors: Floors,
    pub(crate) stamps: TagStamps,
    pub(crate) counters: Counters,
    /// The last call of the shared tier failed.
    pub(crate) shared_fails: AtomicBool,
    pub(crate) l2: LocalTier<Document>,
    pub(crate) trust: Trust,
    pub(crate) history: History,
    pub(crate) announced: Announced,
    /// Something may have reached a version that somebody waits for.
    pub(crate) reached: Notify,
    l1: Arc<dyn ViewTier>,
    ordinals: AtomicU64,
    /// The store gate: whoever stores holds it for reading while it compares and puts; a new generation takes it for
    /// writing, so that nothing of the old one lands afterwards.
    life: RwLock<Life>,
    events: broadcast::Sender<CacheEvent>,
}

/// The longest life of anything: far enough, and no clock overflows.
pub(crate) const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// `now + life`, for any life.
pub(crate) fn after(now: Instant, life: Duration) -> Instant {
    now + life.min(FOREVER)
}

/// What a fill must still find unchanged when it stores.
#[derive(Debug, Clone, Copy)]
struct Life {
    generation: Generation,
    incarnation: Incarnation,
}

impl Core {
    pub(crate) fn new(
        config: CacheConfig,
        rng: Arc<dyn Rng>,
        clock: Arc<dyn WallClock>,
        l1: Arc<dyn ViewTier>,
    ) -> Self {
        let settled = config.floor_life;
        let lives = FloorLives { settled, owed: settled.saturating_add(config.shared_ttl_max).min(FOREVER) };
        Self {
            floors: Floors::new(config.floors_max, lives),
            stamps: TagStamps::new(config.stamps_max, config.stamp_life),
            counters: Counters::default(),
            shared_fails: AtomicBool::new(false),
            l2: LocalTier::new(config.l2_bytes, rng.next_u64(), config.maintenance),
            trust: Trust::new(config.freshness.is_leased(), clock),
            history: History::default(),
            announced: Announced::new(config.floors_max),
            reached: Notify::new(),
            l1,
            ordinals: AtomicU64::new(0),
            life: RwLock::new(Life { generation: Generation(1), incarnation: Incarnation(0) }),
            events: broadcast::channel(EVENTS_MAX).0,
            config,
            rng,
        }
    }

    /// The next place in the order of events of this cache. Taken before a read begins, and after a change was learnt.
    pub(crate) fn next_ordinal(&self) -> Ordinal {
        // AcqRel orders it with the reads and writes around it: the ordinal is the barrier.
        Ordinal(self.ordinals.fetch_add(1, Ordering::AcqRel) + 1)
    }

    pub(crate) fn depart(&self) -> Departure {
        Departure { generation: self.life().generation, started: self.next_ordinal(), at: Instant::now() }
    }

    pub(crate) fn generation(&self) -> Generation {
        self.life().generation
    }

    pub(crate) fn incarnation(&self) -> Incarnation {
        self.life().incarnation
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<CacheEvent> {
        self.events.subscribe()
    }

    pub(crate) fn emit(&self, event: CacheEvent) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }

    /// Runs `store` if the generation is still that of `departure` and the local tiers are trusted; no new generation can
    /// begin meanwhile. A suspect instance stores nothing.
    pub(crate) fn store_in<T>(&self, departure: Departure, store: impl FnOnce() -> T) -> Option<T> {
        if !self.trust.is_held(Instant::now()) && !mutant!(SuspectStores) {
            return None;
        }
        self.patch_in(departure, store)
    }

    /// The same without trust: what the stream says is right also while nobody may rely on it yet.
    pub(crate) fn patch_in<T>(&self, departure: Departure, store: impl FnOnce() -> T) -> Option<T> {
        let life = self.life.read().unwrap_or_else(PoisonError::into_inner);
        (life.generation == departure.generation || mutant!(FillAcrossGenerations)).then(store)
    }

    /// Begins a new generation: fills in the air are served but not stored.
    pub(crate) fn begin_generation(&self, empty: bool) -> Generation {
        self.turn(empty, |_| true)
    }

    /// A document of this incarnation was seen: a higher one than known empties all tiers.
    pub(crate) fn observe(&self, incarnation: Incarnation) {
        if incarnation <= self.incarnation() || mutant!(IncarnationIgnored) {
            return;
        }
        self.turn(true, |life| {
            let known = life.incarnation;
            life.incarnation = known.max(incarnation);
            // The first one seen is no change: there is nothing of an older one to empty.
            known != Incarnation(0) && incarnation > known
        });
    }

    /// Closes the store gate, and begins a new generation behind it if `must` says so.
    fn turn(&self, empty: bool, must: impl FnOnce(&mut Life) -> bool) -> Generation {
        let mut life = self.life.write().unwrap_or_else(PoisonError::into_inner);
        if !must(&mut life) {
            return life.generation;
        }
        life.generation = life.generation.next();
        if empty {
            self.stamps.evict_all(self.next_ordinal());
            self.l1.clear();
            self.l2.clear();
            self.history.emptied(self.trust.clock().now());
        }
        let generation = life.generation;
        drop(life);
        self.emit(CacheEvent::GenerationBegan { generation, emptied: empty });
        generation
    }

    /// The key has reached `version`: floor first, then the stamp on the key's own tag, then L1. A change takes a lower
    /// document from L2 too if `drop_document`; else it stays as the base of a patch, and its floor with it. Answers
    /// whether this announces a change.
    pub(crate) fn raise(&self, key: &Key, version: Version, reason: Reason, drop_document: bool) -> bool {
        let at = self.next_ordinal();
        if !mutant!(FloorDroppedWithEntry) || self.l2.get(key.as_str()).is_some() {
            self.floors.raise(key, version, at, |key, floor| self.holds_below(key, floor));
        }
        // A change of an earlier life of the database is no news in this one.
        let news = reason == Reason::Changed
            && version.incarnation >= self.incarnation()
            && self.announced.announce(key, version);
        if news {
            self.note(key, Mutation::Changed { version });
        }
        let lost = self.stamps.show(&key.tag(), version, at);
        self.counters.stamps_forgotten.fetch_add(lost, Ordering::Relaxed);
        let floor = Floor { version, ..Floor::default() };
        if !mutant!(ChangeLeavesL1) {
            self.l1.drop_below(key, floor);
        }
        if drop_document {
            self.l2.remove_if(key, |entry| is_below(entry, floor));
        }
        self.forget_surplus();
        news
    }

    /// A barrier without a version: what was read before now is not accepted any more. `owed`: L3 may still hold it.
    pub(crate) fn bar(&self, key: &Key, owed: bool) {
        let at = self.next_ordinal();
        self.floors.bar(key, at, owed, |key, floor| self.holds_below(key, floor));
        self.evict_tags(&[key.tag()], at);
        let floor = Floor { version: Version::ZERO, barrier: at };
        self.l1.drop_below(key, floor);
        self.l2.remove_if(key, |entry| is_below(entry, floor));
        self.note(key, Mutation::Barred);
        self.forget_surplus();
    }

    /// Keeps a line of the key's history.
    pub(crate) fn note(&self, key: &Key, mutation: Mutation) {
        self.history.note(key, mutation, self.trust.clock().now());
    }

    /// Outdates every query of the section: what changed could be shown by any.
    pub(crate) fn evict_queries(&self) {
        self.evict_tags(&[queries_tag()], self.next_ordinal());
    }

    /// Drops what L1 holds beyond L2: what is not tracked could not be verified.
    pub(crate) fn drop_untracked_views(&self) {
        self.l1.drop_untracked(&|key, version| self.l2.get(key.as_str()).is_some_and(|entry| entry.version == version));
    }

    /// Stamps `tags`: every entry whose build began before `at` is outdated.
    pub(crate) fn evict_tags(&self, tags: &[Tag], at: Ordinal) {
        let lost = self.stamps.evict(tags, at);
        self.counters.stamps_forgotten.fetch_add(lost, Ordering::Relaxed);
    }

    /// Puts a document into L2, if nothing newer is known. The caller holds the store gate.
    pub(crate) fn track(&self, key: &Key, entry: Entry<Document>) -> bool {
        let (version, started) = (entry.version, entry.started);
        self.l2.put_if(key, entry, |held| {
            held.is_none_or(|held| held.version <= version) && self.floors.admits(key, version, started)
        })
    }

    /// When an entry stopped being good, or will: at the end of its own life, or of the lease.
    pub(crate) fn ends<T>(&self, entry: &Entry<T>) -> Instant {
        if self.trust.is_leased() { entry.expires.min(self.trust.ends()) } else { entry.expires }
    }

    /// How long a fill or a build may take: none may outlive the floors that judge it.
    pub(crate) fn fill_deadline(&self, options: &ReadOptions) -> Duration {
        options.hard_timeout.min(self.config.floor_life / 2)
    }

    /// `life`, shortened by the jitter that `options` allow.
    pub(crate) fn jittered(&self, life: Duration, options: &ReadOptions) -> Duration {
        if options.jitter <= 0.0 {
            return life;
        }
        let share = self.rng.factor(0.5) - 0.5;
        life.mul_f64(1.0 - options.jitter.min(1.0) * share)
    }

    fn holds_below(&self, key: &Key, floor: Floor) -> bool {
        self.l2.get(key.as_str()).is_some_and(|entry| is_below(&entry, floor))
    }

    fn forget_surplus(&self) {
        while let Some((key, floor)) = self.floors.surplus() {
            // L2 first: a reader that finds no floor any more must find no document below it either.
            self.l2.remove_if(&key, |entry| is_below(entry, floor));
            self.floors.forget(&key, floor);
            count(&self.counters.floors_forgotten);
        }
    }

    fn life(&self) -> Life {
        *self.life.read().unwrap_or_else(PoisonError::into_inner)
    }
}
