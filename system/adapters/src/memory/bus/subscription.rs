//! One subscription: its cursor, what is handed out and not acknowledged, and its consumers.

use std::collections::BTreeMap;

use domain::ports::{BusError, Delivery, MessageId, SubscriptionKind};
use tokio::time::Instant;

use super::log::Log;
use crate::memory::MemoryBusConfig;

/// A message that was handed out and is not acknowledged.
#[derive(Debug)]
struct Unacked {
    /// Who has it; nobody, if it waits to be delivered again.
    holder: Option<u64>,
    /// From when on it is delivered again; `None`: at once.
    due: Option<Instant>,
    deliveries: u32,
}

impl Unacked {
    fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    /// From its holder to nobody, to be delivered at once; one that waits already goes on waiting.
    fn give_back(&mut self) {
        if self.holder.take().is_some() {
            self.due = None;
        }
    }
}

#[derive(Debug)]
struct Member {
    cuts_told: u64,
    is_lost: bool,
}

/// What [`Members::hand_out`] found.
pub(super) enum Handout {
    Message { id: u64, redeliveries: u32 },
    Wait(Option<Instant>),
}

/// A subscription with its consumers, in the order in which they came.
pub(super) struct Members {
    kind: SubscriptionKind,
    durable: bool,
    /// The first message that was never handed out.
    cursor: u64,
    unacked: BTreeMap<u64, Unacked>,
    members: BTreeMap<u64, Member>,
}

impl Members {
    pub(super) fn new(kind: SubscriptionKind, durable: bool, cursor: u64) -> Self {
        Self { kind, durable, cursor, unacked: BTreeMap::new(), members: BTreeMap::new() }
    }

    pub(super) fn kind(&self) -> SubscriptionKind {
        self.kind
    }

    pub(super) fn is_durable(&self) -> bool {
        self.durable
    }

    /// All messages before this one are acknowledged.
    pub(super) fn first_unacknowledged(&self) -> u64 {
        self.unacked.keys().next().map_or(self.cursor, |first| self.cursor.min(*first))
    }

    /// Whether this message was handed out and acknowledged.
    pub(super) fn has_acknowledged(&self, id: u64) -> bool {
        id < self.cursor && !self.unacked.contains_key(&id)
    }

    pub(super) fn has(&self, consumer: u64) -> bool {
        self.members.contains_key(&consumer)
    }

    pub(super) fn join(&mut self, consumer: u64, cuts: u64) {
        self.members.insert(consumer, Member { cuts_told: cuts, is_lost: false });
    }

    /// Takes the consumer out; what it held goes to the others at once. Answers whether the subscription ended with it.
    pub(super) fn leave(&mut self, consumer: u64, now: Instant) -> bool {
        self.members.remove(&consumer);
        for message in self.unacked.values_mut().filter(|message| message.holder == Some(consumer)) {
            message.holder = None;
            message.due = Some(now);
        }
        self.members.is_empty() && !self.durable
    }

    /// Everything that is handed out is delivered again, at once.
    pub(super) fn release_all(&mut self) {
        for message in self.unacked.values_mut() {
            message.holder = None;
            message.due = None;
        }
    }

    /// Goes on with message `next`; everything before is missed.
    pub(super) fn skip_to(&mut self, next: u64) {
        self.cursor = next;
        self.unacked.clear();
    }

    /// The news about the connection that the consumer has not been told.
    pub(super) fn signal(&mut self, consumer: u64, cuts: u64, is_cut: bool) -> Option<Delivery> {
        let member = self.members.get_mut(&consumer)?;
        if member.cuts_told != cuts {
            member.cuts_told = cuts;
            member.is_lost = true;
            return Some(Delivery::Lost);
        }
        (member.is_lost && !is_cut).then(|| {
            member.is_lost = false;
            Delivery::Restored
        })
    }

    /// Hands out what is due again, oldest first, else the next new message.
    pub(super) fn hand_out(&mut self, consumer: u64, log: &Log, config: &MemoryBusConfig, now: Instant) -> Handout {
        let is_standby = self.members.keys().next() != Some(&consumer);
        if self.kind == SubscriptionKind::Exclusive && is_standby {
            return Handout::Wait(None);
        }
        self.unacked.retain(|id, _| log.has(*id));
        if self.kind == SubscriptionKind::Exclusive
            && let Err(until) = self.keep_order(now)
        {
            return Handout::Wait(until);
        }
        let timeout = now + config.redelivery_timeout;
        if let Some((id, message)) = self.unacked.iter_mut().find(|(_, message)| message.is_due(now)) {
            *message = Unacked {
                holder: Some(consumer),
                due: Some(timeout),
                deliveries: message.deliveries.saturating_add(1),
            };
            return Handout::Message { id: *id, redeliveries: message.deliveries.saturating_sub(1) };
        }
        match log.first_from(self.cursor) {
            Some(id) if self.unacked.len() < config.unacked_max => {
                self.cursor = id + 1;
                self.unacked.insert(id, Unacked { holder: Some(consumer), due: Some(timeout), deliveries: 1 });
                Handout::Message { id, redeliveries: 0 }
            }
            _ => Handout::Wait(self.unacked.values().filter_map(|message| message.due).min()),
        }
    }

    /// A message that comes again brings back what follows it, so that order is kept. One that still waits to come again
    /// lets nothing overtake it: then answers when to look again.
    fn keep_order(&mut self, now: Instant) -> Result<(), Option<Instant>> {
        let again = self.unacked.iter().find(|(_, message)| message.holder.is_none() || message.is_due(now));
        let Some((&first, message)) = again else { return Ok(()) };
        if !message.is_due(now) {
            // Not what follows: that may be late, and yet has to wait.
            return Err(self.unacked.range(..=first).filter_map(|(_, message)| message.due).min());
        }
        self.unacked.range_mut(first + 1..).for_each(|(_, follower)| follower.give_back());
        Ok(())
    }

    pub(super) fn ack(&mut self, id: MessageId) {
        if let Ok(id) = u64::try_from(id.0) {
            self.unacked.remove(&id);
        }
    }

    pub(super) fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        if self.kind != SubscriptionKind::Exclusive {
            return Err(BusError::Refused("a shared subscription acknowledges one message at a time".to_owned()));
        }
        self.unacked.retain(|unacked, _| u128::from(*unacked) > id.0);
        Ok(())
    }

    /// Gives the message back, if the consumer still has it.
    pub(super) fn nack(&mut self, consumer: u64, id: MessageId, due: Instant) {
        let held = u64::try_from(id.0).ok().and_then(|id| self.unacked.get_mut(&id));
        if let Some(message) = held.filter(|message| message.holder == Some(consumer)) {
            message.holder = None;
            message.due = Some(due);
        }
    }
}
