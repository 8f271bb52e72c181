//! One consumer: waits for its turn.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{BusError, Consumer, Delivery, MessageId};
use tokio::time::Instant;

use super::handle::Shared;
use super::topics::{Place, Turn};

pub(super) struct MemoryConsumer {
    bus: Arc<Shared>,
    place: Place,
}

impl MemoryConsumer {
    pub(super) fn new(bus: Arc<Shared>, place: Place) -> Self {
        Self { bus, place }
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        loop {
            // Registered before the look, so that what changes in between wakes it. Nothing is awaited between a
            // handout and the return, so a dropped call loses nothing.
            let mut changed = std::pin::pin!(self.bus.changed.notified());
            changed.as_mut().enable();
            let turn = self.bus.topics().turn(&self.place, Instant::now())?;
            match turn {
                Turn::Deliver(delivery) => return Ok(delivery),
                Turn::Wait(None) => changed.await,
                Turn::Wait(Some(until)) => {
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep_until(until) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    async fn ack(&mut self, id: MessageId) -> Result<(), BusError> {
        self.settle(|members| {
            members.ack(id);
            Ok(())
        })
    }

    async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        self.settle(|members| members.ack_through(id))
    }

    async fn nack(&mut self, id: MessageId) -> Result<(), BusError> {
        let (consumer, now) = (self.place.consumer, Instant::now());
        let given_back = self.bus.topics().settle(&self.place, |members, config| {
            members.nack(consumer, id, now + config.redelivery_delay);
            Ok(())
        });
        self.bus.changed.notify_waiters();
        given_back
    }
}

impl MemoryConsumer {
    /// An acknowledgement makes room for messages that wait because too many are unacknowledged.
    fn settle(
        &self,
        act: impl FnOnce(&mut super::subscription::Members) -> Result<(), BusError>,
    ) -> Result<(), BusError> {
        let settled = self.bus.topics().settle(&self.place, |members, _| act(members));
        self.bus.changed.notify_waiters();
        settled
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        self.bus.topics().leave(&self.place, Instant::now());
        self.bus.changed.notify_waiters();
    }
}
