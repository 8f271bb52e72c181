//! Tag stamps: eviction as a barrier that is compared on read, not as a mass delete.
//!
//! A stamp is an ordinal. An explicit eviction outdates every entry whose build began before it, also one that was being
//! built meanwhile; the stamp of a shown version outdates only entries that show less (DESIGN section 3.2). A stamp that
//! had to be forgotten counts as newest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::after;
use crate::key::Tag;
use crate::tiers::Entry;
use crate::version::{Ordinal, Version};

const SWEEP_STEPS_MAX: usize = 4;
/// How many stamps are passed over, since they are in use, before one is forgotten.
const SECOND_CHANCES_MAX: usize = 16;

#[derive(Debug, Clone, Copy, Default)]
struct Stamp {
    evicted: Ordinal,
    evicted_at: Option<Instant>,
    /// The highest version shown or learnt of the tag's own key.
    shown: Version,
    /// When, so that a forgotten stamp can count as newest.
    shown_at: Ordinal,
}

#[derive(Debug, Default)]
struct Table {
    stamps: BTreeMap<Tag, (Stamp, Instant)>,
    queue: VecDeque<(Instant, Tag)>,
    forgotten: Ordinal,
    forgotten_at: Option<Instant>,
}

/// The bounded table of stamps.
#[derive(Debug)]
pub(crate) struct TagStamps {
    table: Mutex<Table>,
    /// Counts the stampings: while it stands still, what was checked once stays checked.
    changes: AtomicU64,
    max: usize,
    life: Duration,
}

impl TagStamps {
    pub(crate) fn new(max: usize, life: Duration) -> Self {
        Self { table: Mutex::default(), changes: AtomicU64::new(0), max: max.max(1), life }
    }

    /// Outdates every entry with one of `tags` whose build began before `at`. Answers how many stamps were forgotten.
    pub(crate) fn evict<'a>(&self, tags: impl IntoIterator<Item = &'a Tag>, at: Ordinal) -> u64 {
        let now = Instant::now();
        let mut table = self.lock();
        let mut forgotten = 0;
        for tag in tags {
            forgotten += table.change(tag, now, self.life, self.max, |stamp| {
                stamp.evicted = stamp.evicted.max(at);
                stamp.evicted_at = Some(now);
            });
        }
        self.changes.fetch_add(1, Ordering::Release);
        forgotten
    }

    /// The key of `tag` was shown, or is known, at `version`: outdates entries that show less. Answers how many stamps
    /// were forgotten.
    pub(crate) fn show(&self, tag: &Tag, version: Version, at: Ordinal) -> u64 {
        let now = Instant::now();
        let mut table = self.lock();
        let mut news = false;
        let forgotten = table.change(tag, now, self.life, self.max, |stamp| {
            news = version > stamp.shown;
            if news {
                stamp.shown = version;
                stamp.shown_at = stamp.shown_at.max(at);
            }
        });
        if news {
            self.changes.fetch_add(1, Ordering::Release);
        }
        forgotten
    }

    /// Outdates every entry there is.
    pub(crate) fn evict_all(&self, at: Ordinal) {
        let mut table = self.lock();
        table.stamps.clear();
        table.queue.clear();
        table.forgotten = table.forgotten.max(at);
        table.forgotten_at = Some(Instant::now());
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether none of the entry's tags was stamped since its build began. An entry older than the stamps' life cannot be
    /// judged and is refused.
    pub(crate) fn admits<T>(&self, entry: &Entry<T>, now: Instant) -> bool {
        if now.saturating_duration_since(entry.read_at) >= self.life {
            return false;
        }
        // Loaded before the table is read: a stamping meanwhile makes the next hit check again.
        let changes = self.changes.load(Ordering::Acquire);
        if entry.validated.load(Ordering::Relaxed) == changes {
            return true;
        }
        let table = self.lock();
        let fresh = entry.tags.iter().all(|tag| table.admits(tag, entry.started, None))
            && entry.shows.iter().all(|(tag, version)| table.admits(tag, entry.started, Some(*version)));
        if fresh {
            entry.validated.store(changes, Ordering::Relaxed);
        }
        fresh
    }

    /// Whether none of `tags` was evicted since `started`.
    pub(crate) fn admits_parts(&self, tags: &[Tag], started: Ordinal) -> bool {
        let table = self.lock();
        tags.iter().all(|tag| table.admits(tag, started, None))
    }

    /// Whether a value with these tags, read from the source `age` ago by any instance, is newer than the last eviction
    /// of each tag. (The eviction of a key's own tag is a barrier of its floor.)
    pub(crate) fn admits_shared(&self, tags: &[Tag], age: Duration, now: Instant) -> bool {
        /// Covers the coarse clock of a shared tier (Redis: milliseconds) many times over.
        const MARGIN: Duration = Duration::from_millis(100);
        if tags.is_empty() {
            return true;
        }
        let table = self.lock();
        tags.iter().all(|tag| {
            let stamped = match table.stamps.get(tag.as_str()) {
                Some((stamp, _)) => stamp.evicted_at,
                None => table.forgotten_at,
            };
            stamped.is_none_or(|at| age + MARGIN < now.saturating_duration_since(at))
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn admits(&self, tag: &Tag, started: Ordinal, shown: Option<Version>) -> bool {
        match self.stamps.get(tag.as_str()) {
            None => started > self.forgotten,
            Some((stamp, _)) => stamp.evicted <= started && shown.is_none_or(|shown| stamp.shown <= shown),
        }
    }

    fn change(&mut self, tag: &Tag, now: Instant, life: Duration, max: usize, apply: impl FnOnce(&mut Stamp)) -> u64 {
        self.sweep(now);
        if let Some((stamp, deadline)) = self.stamps.get_mut(tag.as_str()) {
            *deadline = after(now, life);
            apply(stamp);
            return 0;
        }
        // Nobody remembers whether the tag was stamped before: it counts as stamped when the last one was forgotten.
        let mut stamp = Stamp { evicted: self.forgotten, evicted_at: self.forgotten_at, ..Stamp::default() };
        apply(&mut stamp);
        self.stamps.insert(tag.clone(), (stamp, after(now, life)));
        self.queue.push_back((after(now, life), tag.clone()));
        if self.stamps.len() > max { self.forget_oldest(now) } else { 0 }
    }

    /// Drops stamps that are older than any entry: nothing is forgotten by that.
    fn sweep(&mut self, now: Instant) {
        for _ in 0..SWEEP_STEPS_MAX {
            match self.queue.front() {
                Some((due, _)) if *due <= now => {}
                _ => return,
            }
            let Some((_, tag)) = self.queue.pop_front() else { return };
            match self.stamps.get(tag.as_str()) {
                Some((_, deadline)) if *deadline > now => self.queue.push_back((*deadline, tag)),
                _ => {
                    self.stamps.remove(tag.as_str());
                }
            }
        }
    }

    fn forget_oldest(&mut self, now: Instant) -> u64 {
        // One that was stamped again since it was queued has another turn: the busiest tag must not go first.
        for _ in 0..SECOND_CHANCES_MAX {
            match self.queue.front().map(|(due, tag)| (*due, self.stamps.get(tag.as_str()))) {
                Some((due, Some((_, deadline)))) if *deadline > due => {
                    let deadline = *deadline;
                    if let Some((_, tag)) = self.queue.pop_front() {
                        self.queue.push_back((deadline, tag));
                    }
                }
                _ => break,
            }
        }
        let Some((_, tag)) = self.queue.pop_front() else { return 0 };
        let Some((stamp, _)) = self.stamps.remove(tag.as_str()) else { return 0 };
        self.forgotten = self.forgotten.max(stamp.evicted).max(stamp.shown_at);
        self.forgotten_at = Some(now);
        1
    }
}
