//! Who of this process sits on which subscription, so that a successor waits until its predecessor is gone, and so that
//! consumers of a deleted subscription are told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ports::Topic;
use tokio::sync::Notify;

type Key = (Topic, String);

#[derive(Debug, Default)]
struct Seats {
    /// Consumers, those that are leaving among them.
    taken: usize,
    /// Consumers that were dropped and are not gone from the broker yet.
    leaving: usize,
    /// How often the subscription was deleted.
    deletions: u64,
}

/// All places. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    seats: Mutex<BTreeMap<Key, Seats>>,
    changed: Notify,
}

impl Shared {
    /// The lock is never held across an await.
    fn seats(&self) -> MutexGuard<'_, BTreeMap<Key, Seats>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `answer` has one. What changes between a look and the wait is not missed.
    async fn until<T>(&self, answer: impl Fn(&BTreeMap<Key, Seats>) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(answer) = answer(&self.seats()) {
                return answer;
            }
            changed.await;
        }
    }
}

impl Places {
    /// Takes a place, once nobody is leaving the subscription any more.
    pub(super) async fn take(&self, topic: Topic, name: &str) -> Place {
        self.left(topic, name).await;
        let key = (topic, name.to_owned());
        let deletions = {
            let mut all = self.shared.seats();
            let seats = all.entry(key.clone()).or_default();
            seats.taken += 1;
            seats.deletions
        };
        Place { shared: Arc::clone(&self.shared), key, deletions, is_leaving: false }
    }

    /// The subscription is deleted: its consumers are closed.
    pub(super) fn delete(&self, topic: Topic, name: &str) {
        if let Some(seats) = self.shared.seats().get_mut(&(topic, name.to_owned())) {
            seats.deletions += 1;
        }
        self.shared.changed.notify_waiters();
    }

    /// Waits until nobody is leaving the subscription.
    pub(super) async fn left(&self, topic: Topic, name: &str) {
        let key = (topic, name.to_owned());
        self.shared.until(|seats| seats.get(&key).is_none_or(|seats| seats.leaving == 0).then_some(())).await;
    }

    /// Waits until nobody is leaving any.
    pub(super) async fn all_left(&self) {
        self.shared.until(|seats| seats.values().all(|seats| seats.leaving == 0).then_some(())).await;
    }
}

/// The place of one consumer; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    key: Key,
    deletions: u64,
    is_leaving: bool,
}

impl Place {
    /// Whether the subscription was deleted since.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed_in(&self.shared.seats())
    }

    fn is_closed_in(&self, seats: &BTreeMap<Key, Seats>) -> bool {
        seats.get(&self.key).is_none_or(|seats| seats.deletions != self.deletions)
    }

    /// Waits until it is.
    pub(super) async fn closed(&self) {
        self.shared.until(|seats| self.is_closed_in(seats).then_some(())).await;
    }

    /// The consumer is gone; the broker is being told.
    pub(super) fn begin_to_leave(&mut self) {
        if !std::mem::replace(&mut self.is_leaving, true)
            && let Some(seats) = self.shared.seats().get_mut(&self.key)
        {
            seats.leaving += 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut all = self.shared.seats();
            if let Some(seats) = all.get_mut(&self.key) {
                seats.taken -= 1;
                seats.leaving -= usize::from(self.is_leaving);
                if seats.taken == 0 {
                    all.remove(&self.key);
                }
            }
        }
        self.shared.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TOPIC: Topic = Topic::ForecastUpdated;

    #[tokio::test(start_paused = true)]
    async fn a_successor_waits_until_its_predecessor_is_gone() {
        let places = Places::default();
        let mut first = places.take(TOPIC, "s").await;
        // Another consumer beside it does not wait, nor does one of another subscription.
        let second = places.take(TOPIC, "s").await;
        first.begin_to_leave();
        drop(places.take(TOPIC, "t").await);
        let mut third = Box::pin(places.take(TOPIC, "s"));
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut third).await.is_err());
        drop(first);
        drop((third.await, second));
        places.all_left().await;
        assert!(places.shared.seats().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn those_on_a_deleted_subscription_are_told() {
        let places = Places::default();
        let place = places.take(TOPIC, "s").await;
        assert!(tokio::time::timeout(Duration::from_secs(1), place.closed()).await.is_err());
        places.delete(TOPIC, "other");
        assert!(!place.is_closed());
        places.delete(TOPIC, "s");
        place.closed().await;
        let anew = places.take(TOPIC, "s").await;
        assert!(!anew.is_closed() && place.is_closed());
    }
}
