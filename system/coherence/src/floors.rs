//! Floors: the least version of each key that may still be answered or accepted.
//!
//! An invalidation, a change, the answer to a write and every version shown sets one. It outlives the entry that it
//! came from: a reader that fetched the old row before the change cannot put it back after it, also when the new entry
//! was evicted meanwhile (Meta, "Cache made consistent"; table 7 rows 1 and 2 of the research).
//!
//! A floor lives longer than the longest fill. While L3 is not known to have reached it, it lives as long as a value may
//! live there: else the old value would come back from L3 when the floor is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::key::Key;
use crate::mutant;
use crate::version::{Ordinal, Version};

/// Floors swept for each one raised: enough to keep pace, too few to be felt.
const SWEEP_STEPS_MAX: usize = 4;

/// What is demanded of a key now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Floor {
    /// Nothing below this.
    pub(crate) version: Version,
    /// Nothing whose read began before this (an invalidation that named no version). Zero: none.
    pub(crate) barrier: Ordinal,
}

#[derive(Debug)]
struct Held {
    floor: Floor,
    /// The ordinal of the latest raise.
    raised: Ordinal,
    /// Whether L3 may still hold less.
    owed: bool,
    /// When the floor was last raised.
    since: Instant,
    /// The place in [`Table::due`].
    due: Instant,
}

#[derive(Debug, Default)]
struct Table {
    floors: BTreeMap<Key, Held>,
    /// Each held key once, by the end of its floor's life.
    due: BTreeSet<(Instant, Key)>,
    /// The latest raise among floors that are gone: fills that began before it cannot be judged.
    forgotten: Ordinal,
    /// Until when L3 may hold less than a forgotten floor.
    amnesia_until: Option<Instant>,
}

/// How long floors live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FloorLives {
    /// Where L3 is known to hold nothing below: longer than the longest fill.
    pub(crate) settled: Duration,
    /// Where it is not known: as long as a value may live in L3, and a fill.
    pub(crate) owed: Duration,
}

/// The bounded table of floors.
#[derive(Debug)]
pub(crate) struct Floors {
    table: Mutex<Table>,
    max: usize,
    lives: FloorLives,
}

impl Floors {
    pub(crate) fn new(max: usize, lives: FloorLives) -> Self {
        Self { table: Mutex::default(), max: max.max(1), lives }
    }

    /// The floor of `key`.
    pub(crate) fn get(&self, key: &Key) -> Floor {
        self.lock().floors.get(key.as_str()).map(|held| held.floor).unwrap_or_default()
    }

    /// Whether a read that began at `started` and found `version` may be stored or answered as current.
    pub(crate) fn admits(&self, key: &Key, version: Version, started: Ordinal) -> bool {
        if mutant!(FillIgnoresFloor) {
            return true;
        }
        let table = self.lock();
        // A floor that was raised after the read began may be among those that are gone.
        if started <= table.forgotten {
            return false;
        }
        table.floors.get(key.as_str()).is_none_or(|held| version >= held.floor.version && started > held.floor.barrier)
    }

    /// Whether more than `version` was known of `key` before `started`, and nothing was learnt of it since.
    pub(crate) fn binds(&self, key: &Key, version: Version, started: Ordinal) -> bool {
        let table = self.lock();
        table.floors.get(key.as_str()).is_some_and(|held| held.floor.version > version && held.raised <= started)
    }

    /// Whether L3 must be skipped: it may hold less than a floor that was forgotten.
    pub(crate) fn is_amnesiac(&self, now: Instant) -> bool {
        self.lock().amnesia_until.is_some_and(|until| now < until)
    }

    /// Raises the floor of `key`. `below` tells whether a document below a floor is still held: then the floor stays
    /// beyond its time.
    pub(crate) fn raise(&self, key: &Key, version: Version, at: Ordinal, below: impl Fn(&Key, Floor) -> bool) {
        self.change(key, at, below, |held| {
            // A version that is not news leaves L3 as it was known to be.
            held.owed |= version > held.floor.version;
            let highest = held.floor.version.max(version);
            held.floor.version = if mutant!(ApplyOlderVersion) { version } else { highest };
        });
    }

    /// Nothing whose read began before `at` is accepted any more, whatever its version. `owed`: L3 may still hold it.
    pub(crate) fn bar(&self, key: &Key, at: Ordinal, owed: bool, below: impl Fn(&Key, Floor) -> bool) {
        self.change(key, at, below, |held| {
            held.owed = owed;
            held.floor.barrier = held.floor.barrier.max(at);
        });
    }

    /// L3 is known to hold nothing below `version` now. A barrier has no version, and is never settled by one.
    pub(crate) fn settle(&self, key: &Key, version: Version) {
        let mut table = self.lock();
        let table = &mut *table;
        let Some(held) = table.floors.get_mut(key.as_str()) else { return };
        if held.owed && version >= held.floor.version && held.floor.barrier == Ordinal(0) {
            held.owed = false;
            let due = held.since + self.lives.settled;
            table.due.remove(&(held.due, key.clone()));
            table.due.insert((due, key.clone()));
            held.due = due;
        }
    }

    /// The floor that must go, if there is one too many: the one that is due first. It stays in force until
    /// [`Self::forget`]: what is held below it goes first.
    pub(crate) fn surplus(&self) -> Option<(Key, Floor)> {
        let table = self.lock();
        if table.floors.len() <= self.max {
            return None;
        }
        let (_, key) = table.due.first()?;
        table.floors.get(key.as_str()).map(|held| (key.clone(), held.floor))
    }

    /// Forgets the floor of `key` before its time, if it is still `floor`: what was cleared away was below that one.
    pub(crate) fn forget(&self, key: &Key, floor: Floor) {
        let mut table = self.lock();
        if table.floors.get(key.as_str()).is_none_or(|held| held.floor != floor) {
            return;
        }
        if let Some(held) = table.remove(key)
            && !mutant!(FloorForgottenSilently)
        {
            table.forgotten = table.forgotten.max(held.raised);
            table.amnesia_until = table.amnesia_until.max(Some(held.due));
        }
    }

    /// How many floors are held.
    pub(crate) fn len(&self) -> usize {
        self.lock().floors.len()
    }

    fn change<T>(
        &self,
        key: &Key,
        at: Ordinal,
        below: impl Fn(&Key, Floor) -> bool,
        apply: impl FnOnce(&mut Held) -> T,
    ) -> T {
        let now = Instant::now();
        let mut table = self.lock();
        table.sweep(now, self.lives.settled, &below);
        let mut held = table.remove(key).unwrap_or_else(|| Held {
            floor: Floor::default(),
            raised: at,
            owed: false,
            since: now,
            due: now,
        });
        let result = apply(&mut held);
        held.raised = held.raised.max(at);
        held.since = now;
        held.due = now
            + if mutant!(FloorDiesAtOnce) {
                Duration::ZERO
            } else if held.owed {
                self.lives.owed
            } else {
                self.lives.settled
            };
        table.due.insert((held.due, key.clone()));
        table.floors.insert(key.clone(), held);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        // Every change leaves the table whole, so a panic elsewhere does not spoil it.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn remove(&mut self, key: &Key) -> Option<Held> {
        let held = self.floors.remove(key.as_str())?;
        self.due.remove(&(held.due, key.clone()));
        Some(held)
    }

    fn sweep(&mut self, now: Instant, again: Duration, below: impl Fn(&Key, Floor) -> bool) {
        for _ in 0..SWEEP_STEPS_MAX {
            let key = match self.due.first() {
                Some((due, key)) if *due <= now => key.clone(),
                _ => return,
            };
            let Some(mut held) = self.remove(&key) else { return };
            if below(&key, held.floor) {
                held.due = now + again;
                self.due.insert((held.due, key.clone()));
                self.floors.insert(key, held);
            } else {
                // A fill that is still on its way from before it (a process that was frozen) cannot be judged either.
                self.forgotten = self.forgotten.max(held.raised);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIFE: Duration = Duration::from_secs(15);

    fn key(n: u64) -> Key {
        Key::prefixed("k", n)
    }

    fn floors(max: usize) -> Floors {
        Floors::new(max, FloorLives { settled: LIFE, owed: 20 * LIFE })
    }

    fn never(_: &Key, _: Floor) -> bool {
        false
    }

    #[tokio::test(start_paused = true)]
    async fn a_floor_lives_its_time_and_as_long_as_a_document_below_it() {
        let floors = floors(10);
        floors.raise(&key(1), Version::new(1, 5), Ordinal(1), never);
        floors.settle(&key(1), Version::new(1, 5));
        assert!(!floors.admits(&key(1), Version::new(1, 4), Ordinal(2)));
        tokio::time::advance(LIFE).await;
        floors.raise(&key(2), Version::new(1, 1), Ordinal(3), |held, _| held == &key(1));
        assert!(!floors.admits(&key(1), Version::new(1, 4), Ordinal(4)), "a document below it is held");
        tokio::time::advance(LIFE).await;
        floors.raise(&key(2), Version::new(1, 1), Ordinal(5), never);
        assert!(floors.admits(&key(1), Version::new(1, 4), Ordinal(6)), "its time is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_floor_that_l3_may_not_have_reached_lives_as_long_as_a_value_there() {
        let floors = floors(10);
        let other = |at| floors.raise(&key(2), Version::new(1, 1), Ordinal(at), never);
        let refused = |at| !floors.admits(&key(1), Version::new(1, 4), Ordinal(at));
        floors.raise(&key(1), Version::new(1, 5), Ordinal(1), never);
        floors.settle(&key(1), Version::new(1, 4));
        tokio::time::advance(19 * LIFE).await;
        other(2);
        assert!(refused(3), "settled at less: still owed");
        floors.raise(&key(1), Version::new(1, 5), Ordinal(4), never);
        floors.settle(&key(1), Version::new(1, 5));
        tokio::time::advance(LIFE).await;
        other(5);
        assert!(!refused(6), "settled: its time is over");
    }

    #[tokio::test(start_paused = true)]
    async fn over_capacity_the_oldest_goes_and_what_cannot_be_judged_is_refused() {
        let floors = floors(2);
        floors.raise(&key(1), Version::new(1, 5), Ordinal(10), never);
        floors.raise(&key(2), Version::new(1, 5), Ordinal(11), never);
        assert!(!floors.is_amnesiac(Instant::now()));
        floors.raise(&key(3), Version::new(1, 5), Ordinal(12), never);
        assert_eq!(floors.surplus().map(|(gone, _)| gone), Some(key(1)));
        assert!(!floors.admits(&key(1), Version::new(1, 4), Ordinal(13)), "in force until it is forgotten");
        floors.forget(&key(1), Floor { version: Version::new(1, 4), ..Floor::default() });
        assert!(!floors.admits(&key(1), Version::new(1, 4), Ordinal(13)), "it was raised since");
        floors.forget(&key(1), Floor { version: Version::new(1, 5), ..Floor::default() });
        assert!(floors.is_amnesiac(Instant::now()));
        assert!(!floors.admits(&key(1), Version::new(1, 4), Ordinal(9)), "began before the forgotten raise");
        assert!(floors.admits(&key(1), Version::new(1, 5), Ordinal(13)), "began after it: read after the change");
        tokio::time::advance(19 * LIFE).await;
        assert!(floors.is_amnesiac(Instant::now()), "L3 may hold less for as long as the forgotten floor was due");
        tokio::time::advance(LIFE).await;
        assert!(!floors.is_amnesiac(Instant::now()));
    }

    proptest! {
        /// Against a map that forgets nothing: whatever the table admits, the map admits too.
        #[test]
        fn never_admits_what_a_perfect_memory_refuses(
            raises in prop::collection::vec((0u64..8, 1u64..20), 1..60),
            max in 1usize..6,
            probe in (0u64..8, 0u64..20, 0u64..70),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let floors = floors(max);
                let mut perfect: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
                for (ordinal, (k, v)) in raises.iter().enumerate() {
                    let at = ordinal as u64 + 1;
                    floors.raise(&key(*k), Version::new(1, *v), Ordinal(at), never);
                    while let Some((gone, floor)) = floors.surplus() {
                        floors.forget(&gone, floor);
                    }
                    perfect.entry(*k).or_default().push((at, *v));
                }
                let (k, v, started) = probe;
                // Only raises after the read began matter: what came before, the read has seen.
                let refused = perfect.get(&k).is_some_and(|all| all.iter().any(|(at, floor)| *at >= started && *floor > v));
                if refused {
                    assert!(!floors.admits(&key(k), Version::new(1, v), Ordinal(started)));
                }
            });
        }
    }
}
