//! One consumer.

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{BusError, Consumer, Delivery, MessageId, SubscriptionKind};
use tokio::time::{Instant, sleep_until};

use super::state::BusState;
use super::subscription::{Step, Subscribed};
use super::window::ConsumerId;
use crate::sqlite::database::Shared;

/// A consumer of a subscription; dropping it gives back what it holds.
pub(super) struct SqliteConsumer {
    shared: Arc<Shared>,
    subscribed: Arc<Subscribed>,
    id: ConsumerId,
    kind: SubscriptionKind,
}

impl SqliteConsumer {
    pub(super) fn new(
        shared: Arc<Shared>,
        subscribed: Arc<Subscribed>,
        id: ConsumerId,
        kind: SubscriptionKind,
    ) -> Self {
        Self { shared, subscribed, id, kind }
    }

    /// The cursor of a durable subscription changed.
    fn changed(&self) {
        if self.subscribed.durable {
            BusState::flush_soon(&self.shared);
        }
    }
}

#[async_trait]
impl Consumer for SqliteConsumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        loop {
            // Listening begins before looking: what changes in between is not missed.
            let mut changed = pin!(self.subscribed.changed().notified());
            changed.as_mut().enable();
            let now = Instant::now();
            let until = match self.subscribed.step(self.id, now) {
                // Nothing is awaited after this: a message that was taken is delivered.
                Step::Deliver(message) => {
                    self.changed();
                    return Ok(Delivery::Message(message));
                }
                Step::Closed => return Err(BusError::Closed),
                Step::Claim if self.subscribed.claim(&self.shared).await? => continue,
                Step::Claim => Some(now + self.shared.config.poll_interval),
                Step::Fetch { after, limit } => match self.subscribed.fetch(&self.shared, after, limit).await? {
                    true => continue,
                    false => {
                        let poll = now + self.shared.config.poll_interval;
                        Some(self.subscribed.next_due().map_or(poll, |due| due.min(poll)))
                    }
                },
                Step::Wait(until) => until,
            };
            match until {
                Some(until) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(until) => {}
                },
                None => changed.await,
            }
        }
    }

    async fn ack(&mut self, id: MessageId) -> Result<(), BusError> {
        self.subscribed.settle(|window| window.ack(id))?;
        self.changed();
        Ok(())
    }

    async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        if self.kind != SubscriptionKind::Exclusive {
            let text = "a shared subscription acknowledges one message at a time";
            return Err(BusError::Refused(text.to_owned()));
        }
        self.subscribed.settle(|window| window.ack_through(id))?;
        self.changed();
        Ok(())
    }

    async fn nack(&mut self, id: MessageId) -> Result<(), BusError> {
        self.subscribed.settle(|window| window.nack(id, self.id, Instant::now()))?;
        self.changed();
        Ok(())
    }
}

impl Drop for SqliteConsumer {
    fn drop(&mut self) {
        BusState::leave(&self.shared, &self.subscribed, self.id);
    }
}
