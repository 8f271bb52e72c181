//! The bus as its users hold it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use coherence::WallClock;
use domain::ports::{Bus, BusError, BusMessage, Consumer, MessageId, OutboxEvent, Outgoing, Subscription, Topic};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::consumer::MemoryConsumer;
use super::faults::BusFaults;
use super::log::Encoded;
use super::topics::Topics;
use crate::memory::MemoryBusConfig;

/// The bus in memory. Clones share everything.
#[derive(Clone)]
pub struct MemoryBus {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    topics: Mutex<Topics>,
    clock: Arc<dyn WallClock>,
    /// Something may have become deliverable, or the connection changed.
    pub(super) changed: Notify,
}

impl Shared {
    /// The lock is never held across an await.
    pub(super) fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryBus {
    /// An empty bus; `clock` says when messages were published.
    pub fn new(config: MemoryBusConfig, clock: Arc<dyn WallClock>) -> Self {
        let topics = Mutex::new(Topics::new(config));
        Self { shared: Arc::new(Shared { topics, clock, changed: Notify::new() }) }
    }

    /// What tests and the simulation can break.
    pub fn faults(&self) -> BusFaults {
        BusFaults::new(self.clone())
    }

    /// Publishes all of `events` in their order, or none. Never waits: a store calls it inside its own lock, so that its
    /// rows and their events are one transaction. A cut connection does not matter here: the store *is* at the bus.
    pub(in crate::memory) fn append(&self, events: &[OutboxEvent]) -> Result<(), BusError> {
        let mut encoded = Vec::with_capacity(events.len());
        for event in events {
            encoded.push((event.topic, Encoded::new(&event.message)?));
        }
        self.shared.topics().append(encoded, self.shared.clock.now(), Instant::now())?;
        self.shared.changed.notify_waiters();
        Ok(())
    }

    /// Publishes all or nothing.
    fn publish_encoded(&self, messages: Vec<(Topic, Encoded)>) -> Result<Vec<MessageId>, BusError> {
        let ids = {
            let mut topics = self.shared.topics();
            if topics.is_cut() {
                return Err(BusError::Unavailable(None));
            }
            topics.append(messages, self.shared.clock.now(), Instant::now())?
        };
        self.shared.changed.notify_waiters();
        Ok(ids)
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(&self, topic: Topic, message: Outgoing) -> Result<MessageId, BusError> {
        let ids = self.publish_encoded(vec![(topic, Encoded::new(&message)?)])?;
        ids.first().copied().ok_or(BusError::Closed)
    }

    async fn publish_all(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<(), BusError> {
        let encoded = messages.iter().map(|message| Ok((topic, Encoded::new(message)?)));
        self.publish_encoded(encoded.collect::<Result<_, BusError>>()?).map(drop)
    }

    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError> {
        self.shared.topics().last(topic, Instant::now())
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        let place = self.shared.topics().join(&subscription)?;
        Ok(Box::new(MemoryConsumer::new(Arc::clone(&self.shared), place)))
    }

    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        {
            let mut topics = self.shared.topics();
            if topics.is_cut() {
                return Err(BusError::Unavailable(None));
            }
            topics.remove(topic, name);
        }
        self.shared.changed.notify_waiters();
        Ok(())
    }
}
