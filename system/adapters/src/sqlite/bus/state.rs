//! The bus's part of the open database: the subscriptions with consumers in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ports::{BusError, MessageId, Subscription, Topic};
use tokio::runtime::Handle;

use super::consumer::SqliteConsumer;
use super::cursors;
use super::subscription::{Subscribed, redelivery};
use super::window::{ConsumerId, Window};
use crate::sqlite::database::Shared;

/// A durable and a passing subscription of one name are two subscriptions.
type Name = (Topic, String, bool);

pub(in crate::sqlite) struct BusState {
    subscriptions: Mutex<BTreeMap<Name, Arc<Subscribed>>>,
    consumers_made: AtomicU64,
    flush_is_due: AtomicBool,
    /// Cursors are written by one at a time: an older state must not overwrite a newer one.
    flushing: tokio::sync::Mutex<()>,
    closed: AtomicBool,
    /// Consumers are also dropped outside the runtime.
    runtime: Handle,
}

impl BusState {
    /// Must be called on a runtime; what the bus does by itself runs there.
    pub(in crate::sqlite) fn new() -> Self {
        Self {
            subscriptions: Mutex::default(),
            consumers_made: AtomicU64::new(0),
            flush_is_due: AtomicBool::new(false),
            flushing: tokio::sync::Mutex::new(()),
            closed: AtomicBool::new(false),
            runtime: Handle::current(),
        }
    }

    fn subscriptions(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Subscribed>>> {
        // No code that can panic runs under this lock.
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages of these topics were committed.
    pub(in crate::sqlite) fn wake(&self, topics: &BTreeSet<Topic>) {
        self.subscriptions().iter().filter(|((topic, ..), _)| topics.contains(topic)).for_each(|(_, each)| each.wake());
    }

    /// Creates the subscription if it is new, and a consumer of it.
    pub(super) async fn subscribe(shared: &Arc<Shared>, wanted: Subscription) -> Result<SqliteConsumer, BusError> {
        let bus = &shared.bus;
        if bus.closed.load(Ordering::Acquire) {
            return Err(BusError::Closed);
        }
        let Subscription { topic, name, kind, durable, start } = wanted;
        let begin = match durable {
            true => cursors::create(shared, topic, &name, start).await.map(|()| None)?,
            false => Some(cursors::start(&shared.readers, start).await?),
        };
        let window = || begin.map(|begin: MessageId| Window::new(begin, Vec::new(), redelivery(shared)));
        let id = ConsumerId(bus.consumers_made.fetch_add(1, Ordering::Relaxed));
        let mut subscriptions = bus.subscriptions();
        let subscribed = Arc::clone(
            subscriptions
                .entry((topic, name.clone(), durable))
                .or_insert_with(|| Arc::new(Subscribed::new(topic, &name, window()))),
        );
        // Under the lock: the last consumer may be leaving, and must not remove what this one joins.
        subscribed.join(id, kind)?;
        Ok(SqliteConsumer::new(Arc::clone(shared), subscribed, id, kind))
    }

    /// Ends the durable subscription here, and deletes it.
    pub(super) async fn unsubscribe(shared: &Shared, topic: Topic, name: &str) -> Result<(), BusError> {
        let _one_at_a_time = shared.bus.flushing.lock().await;
        let removed = shared.bus.subscriptions().remove(&(topic, name.to_owned(), true));
        if let Some(subscribed) = removed {
            subscribed.close();
        }
        cursors::delete(shared, topic, name).await
    }

    /// `consumer` is gone.
    pub(super) fn leave(shared: &Arc<Shared>, subscribed: &Arc<Subscribed>, consumer: ConsumerId) {
        let bus = &shared.bus;
        let mut subscriptions = bus.subscriptions();
        if !subscribed.leave(consumer) {
            return;
        }
        if !subscribed.durable {
            remove(&mut subscriptions, subscribed);
            return;
        }
        drop(subscriptions);
        let (shared, subscribed) = (Arc::clone(shared), Arc::clone(subscribed));
        bus.runtime.spawn(async move { Self::retire(&shared, &subscribed).await });
    }

    /// Writes the cursor of a durable subscription without consumers and lets other processes have it.
    async fn retire(shared: &Shared, subscribed: &Arc<Subscribed>) {
        let bus = &shared.bus;
        let _one_at_a_time = bus.flushing.lock().await;
        if let Err(error) = cursors::flush(shared, std::slice::from_ref(subscribed)).await {
            tracing::warn!(%error, name = subscribed.name, "a cursor was not written; its messages will come again");
        }
        let mut subscriptions = bus.subscriptions();
        if !subscribed.has_consumers() && remove(&mut subscriptions, subscribed) {
            subscribed.close();
        }
    }

    /// Sees to it that changed cursors are written after a short while.
    pub(super) fn flush_soon(shared: &Arc<Shared>) {
        if shared.bus.flush_is_due.swap(true, Ordering::AcqRel) {
            return;
        }
        let flushing = Arc::clone(shared);
        shared.bus.runtime.spawn(async move {
            tokio::time::sleep(flushing.config.flush_interval).await;
            flushing.bus.flush_is_due.store(false, Ordering::Release);
            if let Err(error) = Self::flush(&flushing).await {
                tracing::warn!(%error, "cursors were not written; the next acknowledgement tries again");
            }
        });
    }

    async fn flush(shared: &Shared) -> Result<(), BusError> {
        let _one_at_a_time = shared.bus.flushing.lock().await;
        let all: Vec<_> = shared.bus.subscriptions().values().cloned().collect();
        cursors::flush(shared, &all).await
    }

    /// Ends every consumer, writes the cursors, and lets other processes have the subscriptions.
    pub(in crate::sqlite) async fn close(&self, shared: &Shared) -> Result<(), BusError> {
        self.closed.store(true, Ordering::Release);
        self.subscriptions().values().for_each(|each| each.end_consumers());
        let flushed = Self::flush(shared).await;
        let all = std::mem::take(&mut *self.subscriptions());
        all.values().for_each(|each| each.close());
        flushed
    }
}

/// Removes this very subscription; another one of its name may have taken its place.
fn remove(subscriptions: &mut BTreeMap<Name, Arc<Subscribed>>, subscribed: &Arc<Subscribed>) -> bool {
    let name = (subscribed.topic, subscribed.name.clone(), subscribed.durable);
    match subscriptions.get(&name) {
        Some(present) if Arc::ptr_eq(present, subscribed) => subscriptions.remove(&name).is_some(),
        _ => false,
    }
}
