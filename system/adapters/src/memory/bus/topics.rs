//! The state of the bus: a log for each topic, the subscriptions, the retention. No awaits, no clocks: times come in.

use std::collections::BTreeMap;

use coherence::Timestamp;
use domain::ports::{BusError, BusMessage, Delivery, MessageId, StartAt, Subscription, Topic};
use tokio::time::Instant;

use super::log::{Encoded, Log, Stored};
use super::subscription::{Handout, Members};
use crate::memory::MemoryBusConfig;

/// Names one consumer: its subscription, and its place in the order in which consumers came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) topic: Topic,
    pub(super) name: String,
    pub(super) consumer: u64,
}

/// What a consumer that asks for its next delivery gets.
pub(super) enum Turn {
    Deliver(Delivery),
    /// Nothing now; look again at this time at the latest, or when something changed.
    Wait(Option<Instant>),
}

/// All topics and subscriptions.
pub(super) struct Topics {
    config: MemoryBusConfig,
    logs: BTreeMap<Topic, Log>,
    bytes: u64,
    subscriptions: BTreeMap<(Topic, String), Members>,
    consumers: u64,
    /// How often the connections were cut; each consumer tells of each time once.
    cuts: u64,
    is_cut: bool,
}

impl Topics {
    pub(super) fn new(config: MemoryBusConfig) -> Self {
        let logs = Topic::ALL.into_iter().map(|topic| (topic, Log::default())).collect();
        Self { config, logs, bytes: 0, subscriptions: BTreeMap::new(), consumers: 0, cuts: 0, is_cut: false }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(super) fn cut(&mut self) {
        self.cuts += 1;
        self.is_cut = true;
        for members in self.subscriptions.values_mut() {
            members.release_all();
        }
    }

    pub(super) fn heal(&mut self) {
        self.is_cut = false;
        for ((topic, _), members) in &mut self.subscriptions {
            if !members.is_durable() {
                members.skip_to(self.logs.get(topic).map_or(0, Log::next_id));
            }
        }
    }

    /// Appends all or nothing, each message to its topic.
    pub(super) fn append(
        &mut self,
        messages: Vec<(Topic, Encoded)>,
        published_at: Timestamp,
        now: Instant,
    ) -> Result<Vec<MessageId>, BusError> {
        self.prune(now);
        let added: u64 = messages.iter().map(|(_, message)| message.bytes.len() as u64).sum();
        if self.bytes + added > self.config.max_bytes {
            self.reclaim();
        }
        if self.bytes + added > self.config.max_bytes {
            return Err(BusError::Full(format!("{} of {} bytes are retained", self.bytes, self.config.max_bytes)));
        }
        self.bytes += added;
        let mut ids = Vec::with_capacity(messages.len());
        for (topic, message) in messages {
            let log = self.logs.entry(topic).or_default();
            let id = log.append(message, published_at, now);
            self.bytes -= log.compact(id, |earlier| {
                let of_topic = self.subscriptions.iter().filter(|((each, _), _)| *each == topic);
                of_topic
                    .filter(|(_, members)| members.is_durable())
                    .all(|(_, members)| members.has_acknowledged(earlier))
            });
            ids.push(MessageId(id.into()));
        }
        Ok(ids)
    }

    /// Forgets what is older than the retention, acknowledged or not.
    fn prune(&mut self, now: Instant) {
        for log in self.logs.values_mut() {
            let is_old = |stored: &Stored| now.saturating_duration_since(stored.kept_since) >= self.config.retention;
            while let Some(oldest) = log.oldest().filter(|(_, stored)| is_old(stored)).map(|(id, _)| id) {
                self.bytes -= log.remove(oldest);
            }
        }
    }

    /// Gives up what every subscription of its topic has acknowledged, so that only a backlog fills the bus. Where no
    /// subscription is durable, messages are kept for those who come.
    fn reclaim(&mut self) {
        for (topic, log) in &mut self.logs {
            let of_topic =
                || self.subscriptions.iter().filter(|((each, _), _)| each == topic).map(|(_, members)| members);
            if !of_topic().any(Members::is_durable) {
                continue;
            }
            let Some(wanted_from) = of_topic().map(Members::first_unacknowledged).min() else { continue };
            while let Some(oldest) = log.oldest().map(|(id, _)| id).filter(|id| *id < wanted_from) {
                self.bytes -= log.remove(oldest);
            }
        }
    }

    /// The newest message of the topic.
    pub(super) fn last(&mut self, topic: Topic, now: Instant) -> Result<Option<BusMessage>, BusError> {
        if self.is_cut {
            return Err(BusError::Unavailable(None));
        }
        self.prune(now);
        let newest = self.logs.get(&topic).and_then(Log::newest);
        newest.map(|(id, stored)| stored.decode(id, 0)).transpose()
    }

    pub(super) fn join(&mut self, subscription: &Subscription) -> Result<Place, BusError> {
        if self.is_cut {
            return Err(BusError::Unavailable(None));
        }
        let log = self.logs.entry(subscription.topic).or_default();
        let start = match subscription.start {
            StartAt::Earliest => log.first_from(0).unwrap_or_else(|| log.next_id()),
            StartAt::Latest => log.next_id(),
        };
        let (topic, name) = (subscription.topic, subscription.name.clone());
        let members = self
            .subscriptions
            .entry((topic, name.clone()))
            .or_insert_with(|| Members::new(subscription.kind, subscription.durable, start));
        if members.kind() != subscription.kind {
            return Err(BusError::Refused(format!("subscription {name} is {:?} already", members.kind())));
        }
        self.consumers += 1;
        members.join(self.consumers, self.cuts);
        Ok(Place { topic, name, consumer: self.consumers })
    }

    pub(super) fn leave(&mut self, place: &Place, now: Instant) {
        let at = (place.topic, place.name.clone());
        if let Some(members) = self.subscriptions.get_mut(&at)
            && members.leave(place.consumer, now)
        {
            self.subscriptions.remove(&at);
        }
    }

    pub(super) fn remove(&mut self, topic: Topic, name: &str) {
        self.subscriptions.remove(&(topic, name.to_owned()));
    }

    pub(super) fn turn(&mut self, place: &Place, now: Instant) -> Result<Turn, BusError> {
        self.prune(now);
        let (cuts, is_cut) = (self.cuts, self.is_cut);
        let log = self.logs.entry(place.topic).or_default();
        let members = self
            .subscriptions
            .get_mut(&(place.topic, place.name.clone()))
            .filter(|members| members.has(place.consumer))
            .ok_or(BusError::Closed)?;
        if let Some(signal) = members.signal(place.consumer, cuts, is_cut) {
            return Ok(Turn::Deliver(signal));
        }
        if is_cut {
            return Ok(Turn::Wait(None));
        }
        match members.hand_out(place.consumer, log, &self.config, now) {
            Handout::Wait(until) => Ok(Turn::Wait(until)),
            Handout::Message { id, redeliveries } => {
                let message = log.get(id).ok_or(BusError::Closed)?.decode(id, redeliveries)?;
                Ok(Turn::Deliver(Delivery::Message(message)))
            }
        }
    }

    /// Runs `act` on the consumer's subscription, if the connection stands.
    pub(super) fn settle(
        &mut self,
        place: &Place,
        act: impl FnOnce(&mut Members, &MemoryBusConfig) -> Result<(), BusError>,
    ) -> Result<(), BusError> {
        if self.is_cut {
            return Err(BusError::Unavailable(None));
        }
        let members = self
            .subscriptions
            .get_mut(&(place.topic, place.name.clone()))
            .filter(|members| members.has(place.consumer));
        act(members.ok_or(BusError::Closed)?, &self.config)
    }
}
