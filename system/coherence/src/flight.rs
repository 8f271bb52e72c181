//! Single flight: one fill for each key and instance, however many callers wait for it.
//!
//! A flight is detached from the caller that started it: a cancelled caller cancels nobody else's fill (ASP.NET output
//! cache #52310; table 7 row 31 of the research). A caller joins only a flight of its own generation, and none that
//! began before the last barrier of its key.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::key::Key;
use crate::mutant;
use crate::version::{Generation, Ordinal};

/// How many flights may be in the air at once; more callers are refused ([`crate::ReadError::Overloaded`]).
pub const FLIGHTS_MAX: usize = 16_384;

/// How often a caller boards another flight because the one that it joined had begun too early; then it reads alone.
pub(crate) const BOARDINGS_MAX: u32 = 3;

/// A flight that has been in the air for longer is not joined: what it brings may be older than the caller's request by
/// as much. It also bounds what a process that was frozen finds in the air when it wakes.
pub(crate) const JOIN_AGE_MAX: Duration = Duration::from_secs(2);

/// What identifies a flight among those of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Departure {
    pub(crate) generation: Generation,
    pub(crate) started: Ordinal,
    pub(crate) at: Instant,
}

impl Departure {
    /// Whether a caller who would depart as `self` may join a flight of `other`.
    pub(crate) fn may_join(&self, other: &Self) -> bool {
        let young = self.at.saturating_duration_since(other.at) < JOIN_AGE_MAX;
        (other.generation == self.generation && young) || mutant!(JoinsAnyFlight)
    }
}

type Landing<T> = Shared<oneshot::Receiver<T>>;

#[derive(Debug)]
struct Flight<T: Clone> {
    departure: Departure,
    landing: Landing<T>,
}

/// The flights in the air.
#[derive(Debug)]
pub(crate) struct Flights<T: Clone> {
    air: Arc<Mutex<BTreeMap<Key, Flight<T>>>>,
}

/// A place on a flight.
pub(crate) struct Seat<T: Clone> {
    landing: Landing<T>,
    /// Whether this caller started the flight.
    pub(crate) is_pilot: bool,
    /// When the flight began.
    pub(crate) departure: Departure,
}

impl<T: Clone> Seat<T> {
    /// The result; `None` if the flight was broken off (a panic, or the runtime ended). Cancel-safe: may be awaited
    /// again after a dropped call.
    pub(crate) async fn land(&self) -> Option<T> {
        self.landing.clone().await.ok()
    }
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(crate) fn new() -> Self {
        Self { air: Arc::default() }
    }

    /// Joins the flight of `key` if `may_join` allows it, else starts one of `departure`. `None`: too many flights.
    pub(crate) fn board<F>(
        &self,
        key: &Key,
        departure: Departure,
        may_join: impl FnOnce(Departure) -> bool,
        fly: impl FnOnce() -> F,
    ) -> Option<Seat<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut air = lock(&self.air);
        if let Some(flight) = air.get(key.as_str()).filter(|flight| may_join(flight.departure)) {
            return Some(Seat { landing: flight.landing.clone(), is_pilot: false, departure: flight.departure });
        }
        if air.len() >= FLIGHTS_MAX {
            return None;
        }
        let (arrive, landing) = oneshot::channel();
        let landing = landing.shared();
        // A flight that could not be joined goes on for its own passengers; later callers meet the new one.
        air.insert(key.clone(), Flight { departure, landing: landing.clone() });
        drop(air);
        let cleared = Clearance { air: Arc::clone(&self.air), key: key.clone(), departure };
        let fill = fly();
        tokio::spawn(async move {
            let result = fill.await;
            // Off the board first: who comes now finds what the flight stored, not the flight.
            drop(cleared);
            // Every passenger may have left; the result is stored all the same.
            let _ = arrive.send(result);
        });
        Some(Seat { landing, is_pilot: true, departure })
    }
}

/// Takes a flight off the board when it ends, also by a panic.
struct Clearance<T: Clone> {
    air: Arc<Mutex<BTreeMap<Key, Flight<T>>>>,
    key: Key,
    departure: Departure,
}

impl<T: Clone> Drop for Clearance<T> {
    fn drop(&mut self) {
        let mut air = lock(&self.air);
        if air.get(self.key.as_str()).is_some_and(|flight| flight.departure == self.departure) {
            air.remove(self.key.as_str());
        }
    }
}

fn lock<T: Clone>(air: &Mutex<BTreeMap<Key, Flight<T>>>) -> MutexGuard<'_, BTreeMap<Key, Flight<T>>> {
    air.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn departure(started: u64) -> Departure {
        Departure { generation: Generation(1), started: Ordinal(started), at: Instant::now() }
    }

    #[tokio::test]
    async fn a_panicking_flight_lands_nobody_and_leaves_the_board() {
        let flights = Flights::<u32>::new();
        let key = Key::prefixed("k", 1);
        let seat = flights.board(&key, departure(1), |_| true, || async { panic!("planted") }).unwrap();
        assert_eq!(seat.land().await, None);
        let seat = flights.board(&key, departure(2), |_| true, || async { 7 }).unwrap();
        assert!(seat.is_pilot);
        assert_eq!(seat.land().await, Some(7));
    }

    #[tokio::test]
    async fn an_older_flight_that_lands_does_not_clear_the_newer_one() {
        let flights = Flights::<u32>::new();
        let key = Key::prefixed("k", 1);
        let (go, wait) = oneshot::channel::<()>();
        let old = flights.board(&key, departure(1), |_| true, || async { 1 }).unwrap();
        let new = flights
            .board(
                &key,
                departure(2),
                |_| false,
                || async {
                    let _ = wait.await;
                    2
                },
            )
            .unwrap();
        assert_eq!(old.land().await, Some(1));
        let joined = flights.board(&key, departure(3), |_| true, || async { 3 }).unwrap();
        assert!(!joined.is_pilot, "the newer flight is still on the board");
        go.send(()).unwrap();
        assert_eq!((new.land().await, joined.land().await), (Some(2), Some(2)));
    }
}
