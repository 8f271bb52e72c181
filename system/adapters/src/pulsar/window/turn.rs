//! Either window, by one face.

use std::time::Duration;

use domain::ports::{BusMessage, MessageId, SubscriptionKind};
use tokio::time::Instant;

use super::ordered::Ordered;
use super::shared::Shared;
use crate::pulsar::message::Received;

/// What a consumer does next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::pulsar) enum Turn {
    /// Hand this out.
    Deliver(BusMessage),
    /// Give these back to the broker, and ask again.
    GiveBack(Vec<MessageId>),
    /// Nothing is due before this time.
    Wait(Option<Instant>),
}

/// The window of a consumer.
#[derive(Debug)]
pub(in crate::pulsar) enum Window {
    Ordered(Ordered),
    Shared(Shared),
}

impl Window {
    /// `max`: how many messages it holds; `timeout`: when a message that was handed out is due again.
    pub(in crate::pulsar) fn new(kind: SubscriptionKind, max: usize, timeout: Duration) -> Self {
        match kind {
            SubscriptionKind::Exclusive => Self::Ordered(Ordered::new(max, timeout)),
            SubscriptionKind::Shared => Self::Shared(Shared::new(max, timeout)),
        }
    }

    /// Whether it takes more. Without room messages wait in the client, and then at the broker.
    pub(in crate::pulsar) fn has_room(&self) -> bool {
        match self {
            Self::Ordered(window) => window.has_room(),
            Self::Shared(window) => window.has_room(),
        }
    }

    /// A message came from the broker.
    pub(in crate::pulsar) fn push(&mut self, received: Received) {
        match self {
            Self::Ordered(window) => window.push(received),
            Self::Shared(window) => window.push(received),
        }
    }

    /// What is next.
    pub(in crate::pulsar) fn turn(&mut self, now: Instant) -> Turn {
        match self {
            Self::Ordered(window) => window.turn(now),
            Self::Shared(window) => window.turn(now),
        }
    }

    /// Its effect is done.
    pub(in crate::pulsar) fn ack(&mut self, id: MessageId) {
        match self {
            Self::Ordered(window) => window.ack(id),
            Self::Shared(window) => window.ack(id),
        }
    }

    /// The same for all up to this one. Of a shared subscription nobody knows what is before it: then `false`.
    pub(in crate::pulsar) fn ack_through(&mut self, id: MessageId) -> bool {
        match self {
            Self::Ordered(window) => {
                window.ack_through(id);
                true
            }
            Self::Shared(_) => false,
        }
    }

    /// It is to come again at `due`, if this consumer has it.
    pub(in crate::pulsar) fn nack(&mut self, id: MessageId, due: Instant) {
        match self {
            Self::Ordered(window) => window.nack(id, due),
            Self::Shared(window) => window.nack(id, due),
        }
    }

    /// The stay ended: the broker gives everything to whoever comes next.
    pub(in crate::pulsar) fn lose(&mut self) {
        match self {
            Self::Ordered(window) => window.lose(),
            Self::Shared(window) => window.lose(),
        }
    }
}
