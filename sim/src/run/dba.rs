//! Writes behind the system's back, as a database administrator makes them.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::model::ForecastId;
use futures_util::FutureExt;
use uuid::Uuid;

use super::rows::{Directory, Place, row};
use crate::dice::Dice;
use crate::world::Fleet;

/// Writes now and then.
pub(super) struct Dba {
    fleet: Fleet,
    dice: Dice,
    directory: Directory,
    every_ms: u64,
    inserted: AtomicU64,
}

impl Dba {
    pub(super) fn new(seed: u64, fleet: Fleet, directory: Directory, every_ms: u64) -> Self {
        Self { fleet, dice: Dice::of(seed, "dba"), directory, every_ms, inserted: AtomicU64::new(0) }
    }

    /// Called each millisecond.
    pub(super) fn act(&self) {
        if self.every_ms == 0 || self.dice.below(self.every_ms) != 0 {
            return;
        }
        self.write();
    }

    /// One write.
    pub(super) fn write(&self) {
        let store = self.fleet.backends.store.clone();
        let gone = self.directory.pick_gone(&self.dice).filter(|_| self.dice.permille(400));
        let Some(id) = self.directory.pick(&self.dice, 300) else { return };
        match (gone, self.dice.below(100)) {
            // A deleted row comes back under its own id.
            (Some(gone), _) => self.insert(gone),
            (None, 0..66) => {
                let demand = self.dice.below(1_000_000) as f64 / 100.0;
                self.now(async move { store.bare_update(ForecastId(id), demand).await });
            }
            // To another company, unit and date: lists of both places change.
            (None, 66..80) => {
                let place = Place::any(&self.dice);
                self.now(async move { store.bare_move(ForecastId(id), place.company, place.unit, place.date).await });
                self.directory.moved(id);
            }
            (None, 80..88) => {
                self.now(async move { store.bare_delete(ForecastId(id)).await });
                self.directory.is_gone(id);
            }
            (None, _) => {
                let number = self.inserted.fetch_add(1, Ordering::Relaxed);
                self.insert(Uuid::from_u128(0xdb_0000 + u128::from(number)));
            }
        }
    }

    /// Moves a row that is seldom written.
    pub(super) fn move_one(&self) {
        let store = self.fleet.backends.store.clone();
        let Some(id) = self.directory.pick(&self.dice, 0) else { return };
        let place = Place::any(&self.dice);
        self.now(async move { store.bare_move(ForecastId(id), place.company, place.unit, place.date).await });
    }

    /// In a place that is free, if one is found soon.
    fn insert(&self, id: Uuid) {
        const TRIES: usize = 6;
        for _ in 0..TRIES {
            let (store, row) = (self.fleet.backends.store.clone(), row(id, Place::any(&self.dice)));
            if self.now(async move { store.bare_insert(row).await }) == Some(true) {
                self.directory.add(id);
                return;
            }
        }
    }

    /// The memory store never waits.
    fn now<T>(&self, write: impl Future<Output = T>) -> Option<T> {
        let done = self.fleet.net.time.inside(write).now_or_never();
        debug_assert!(done.is_some(), "the memory store does not wait");
        done
    }
}
