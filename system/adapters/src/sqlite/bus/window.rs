//! What a subscription has in hand: the messages read and not yet acknowledged. Pure: time comes in, nothing goes out.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ports::{BusMessage, MessageId, SubscriptionKind};
use tokio::time::Instant;

/// How many messages a subscription holds unacknowledged; no more are read before some are acknowledged.
pub(super) const WINDOW_MESSAGES_MAX: usize = 1_000;

/// How many messages are read at a time.
const FETCH_MESSAGES_MAX: usize = 200;

/// Names a consumer within its process; rising, so that of waiting consumers the oldest is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConsumerId(pub(super) u64);

#[derive(Debug)]
enum Place {
    /// To be delivered; not before `from`, if it was given back.
    Ready { from: Option<Instant> },
    /// Delivered; again at `deadline`, unless it is acknowledged.
    Held { by: ConsumerId, deadline: Instant },
}

#[derive(Debug)]
struct Entry {
    message: BusMessage,
    place: Place,
}

/// How long until an unacknowledged message comes again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Redelivery {
    pub(super) timeout: Duration,
    pub(super) delay: Duration,
}

/// What a durable subscription writes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    /// All up to here is acknowledged, except:
    pub(super) cursor: MessageId,
    /// These, with how often they were delivered before.
    pub(super) unacked: Vec<(MessageId, u32)>,
}

/// The messages in hand.
#[derive(Debug)]
pub(super) struct Window {
    /// The last message read; what follows is still in the table only.
    read: MessageId,
    entries: BTreeMap<MessageId, Entry>,
    redelivery: Redelivery,
}

impl Window {
    /// Continues after `read`, with `unacked` to deliver again.
    pub(super) fn new(read: MessageId, unacked: Vec<BusMessage>, redelivery: Redelivery) -> Self {
        let mut window = Self { read, entries: BTreeMap::new(), redelivery };
        for message in unacked {
            window.entries.insert(message.id, Entry { message, place: Place::Ready { from: None } });
        }
        window
    }

    /// What to read next from the table, if there is room: after which message, and how many.
    pub(super) fn to_fetch(&self) -> Option<(MessageId, usize)> {
        let room = WINDOW_MESSAGES_MAX.saturating_sub(self.entries.len());
        (room > 0).then(|| (self.read, room.min(FETCH_MESSAGES_MAX)))
    }

    /// Takes in what was read.
    pub(super) fn fetched(&mut self, messages: Vec<BusMessage>) {
        for message in messages {
            // Two reads may have run at once, and an acknowledgement may have gone ahead.
            if message.id > self.read {
                self.read = message.id;
                self.entries.insert(message.id, Entry { message, place: Place::Ready { from: None } });
            }
        }
    }

    /// The next message for `consumer`.
    pub(super) fn take(&mut self, consumer: ConsumerId, kind: SubscriptionKind, now: Instant) -> Option<BusMessage> {
        let held_until = now + self.redelivery.timeout;
        let next = match kind {
            SubscriptionKind::Shared => self.entries.values_mut().find(|entry| entry.is_due(now))?,
            SubscriptionKind::Exclusive => self.next_in_order(now)?,
        };
        if let Place::Held { .. } = next.place {
            next.message.redeliveries = next.message.redeliveries.saturating_add(1);
        }
        next.place = Place::Held { by: consumer, deadline: held_until };
        Some(next.message.clone())
    }

    /// In an exclusive subscription a message that comes again brings back what follows it, so that order is kept; and
    /// nothing overtakes one that waits to come again.
    fn next_in_order(&mut self, now: Instant) -> Option<&mut Entry> {
        let first = self.entries.values().find(|entry| !entry.is_held(now))?;
        if !first.is_due(now) {
            return None;
        }
        let first = first.message.id;
        for (_, follower) in self.entries.range_mut(first..).skip(1) {
            follower.give_back(None);
        }
        self.entries.get_mut(&first)
    }

    /// The message's effect is done.
    pub(super) fn ack(&mut self, id: MessageId) {
        self.entries.remove(&id);
    }

    /// The same for all up to `id`, read or not.
    pub(super) fn ack_through(&mut self, id: MessageId) {
        self.entries.retain(|each, _| *each > id);
        self.read = self.read.max(id);
    }

    /// `consumer` could not work on the message.
    pub(super) fn nack(&mut self, id: MessageId, consumer: ConsumerId, now: Instant) {
        let from = now + self.redelivery.delay;
        if let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.is_held_by(consumer)) {
            entry.give_back(Some(from));
        }
    }

    /// `consumer` is gone: what it held goes to others at once.
    pub(super) fn release(&mut self, consumer: ConsumerId) {
        self.entries.values_mut().filter(|entry| entry.is_held_by(consumer)).for_each(|entry| entry.give_back(None));
    }

    /// When a message comes due again, at the earliest. In an exclusive subscription what follows one that waits to come
    /// again waits with it, even if it is held too long: nothing could be taken before.
    pub(super) fn next_due(&self, kind: SubscriptionKind) -> Option<Instant> {
        let mut in_the_way = false;
        let within_reach = |entry: &&Entry| {
            let reached = !in_the_way;
            in_the_way = kind == SubscriptionKind::Exclusive && matches!(entry.place, Place::Ready { .. });
            reached
        };
        let due = |entry: &Entry| match entry.place {
            Place::Ready { from } => from,
            Place::Held { deadline, .. } => Some(deadline),
        };
        self.entries.values().take_while(within_reach).filter_map(due).min()
    }

    /// What to write down. Messages that were never delivered are not written: they are read again.
    pub(super) fn save(&self) -> Saved {
        let fresh = |entry: &Entry| matches!(entry.place, Place::Ready { .. }) && entry.message.redeliveries == 0;
        let first_fresh = self.entries.values().find(|entry| fresh(entry)).map(|entry| entry.message.id);
        let cursor = first_fresh.map_or(self.read, |first| MessageId(first.0.saturating_sub(1)));
        let unacked = self.entries.range(..=cursor).map(|(id, entry)| {
            let delivered = u32::from(matches!(entry.place, Place::Held { .. }));
            (*id, entry.message.redeliveries.saturating_add(delivered))
        });
        Saved { cursor, unacked: unacked.collect() }
    }
}

impl Entry {
    /// Ready, or held too long.
    fn is_due(&self, now: Instant) -> bool {
        match self.place {
            Place::Ready { from } => from.is_none_or(|from| from <= now),
            Place::Held { deadline, .. } => deadline <= now,
        }
    }

    fn is_held(&self, now: Instant) -> bool {
        matches!(self.place, Place::Held { deadline, .. } if deadline > now)
    }

    fn is_held_by(&self, consumer: ConsumerId) -> bool {
        matches!(self.place, Place::Held { by, .. } if by == consumer)
    }

    /// From held to ready, once more delivered; a message that is ready stays as it is.
    fn give_back(&mut self, from: Option<Instant>) {
        if let Place::Held { .. } = self.place {
            self.message.redeliveries = self.message.redeliveries.saturating_add(1);
            self.place = Place::Ready { from };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use coherence::Timestamp;
    use domain::ports::Outgoing;

    use super::SubscriptionKind::{Exclusive, Shared};
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);
    const DELAY: Duration = Duration::from_secs(1);
    const ONE: ConsumerId = ConsumerId(1);
    const TWO: ConsumerId = ConsumerId(2);

    fn message(id: u128) -> BusMessage {
        let message = Outgoing { key: String::new(), payload: "{}".into(), properties: BTreeMap::new() };
        BusMessage { id: MessageId(id), message, published_at: Timestamp::UNIX_EPOCH, redeliveries: 0 }
    }

    fn window(messages: impl Iterator<Item = u128>) -> Window {
        let mut window = Window::new(MessageId(0), Vec::new(), Redelivery { timeout: TIMEOUT, delay: DELAY });
        window.fetched(messages.map(message).collect());
        window
    }

    fn take(window: &mut Window, by: ConsumerId, kind: SubscriptionKind, now: Instant) -> Option<(u128, u32)> {
        window.take(by, kind, now).map(|message| (message.id.0, message.redeliveries))
    }

    fn saved(cursor: u128, unacked: &[(u128, u32)]) -> Saved {
        let unacked = unacked.iter().map(|(id, count)| (MessageId(*id), *count)).collect();
        Saved { cursor: MessageId(cursor), unacked }
    }

    #[test]
    fn a_read_that_ran_twice_adds_nothing() {
        let now = Instant::now();
        let mut window = window(1..=2);
        assert_eq!(take(&mut window, ONE, Shared, now), Some((1, 0)));
        window.ack(MessageId(1));
        window.fetched((1..=3).map(message).collect());
        assert_eq!(take(&mut window, ONE, Shared, now), Some((2, 0)));
        assert_eq!(take(&mut window, ONE, Shared, now), Some((3, 0)));
        assert_eq!(take(&mut window, ONE, Shared, now), None);
    }

    #[test]
    fn the_window_is_bounded_and_opens_with_acknowledgements() {
        let mut window = window(1..=WINDOW_MESSAGES_MAX as u128);
        assert_eq!(window.to_fetch(), None);
        window.ack(MessageId(7));
        assert_eq!(window.to_fetch(), Some((MessageId(WINDOW_MESSAGES_MAX as u128), 1)));
        window.ack_through(MessageId(5_000));
        assert_eq!(window.to_fetch(), Some((MessageId(5_000), FETCH_MESSAGES_MAX)));
    }

    #[test]
    fn shared_messages_come_again_one_by_one() {
        let now = Instant::now();
        let mut window = window(1..=3);
        assert_eq!(take(&mut window, ONE, Shared, now), Some((1, 0)));
        assert_eq!(take(&mut window, TWO, Shared, now), Some((2, 0)));
        window.nack(MessageId(1), TWO, now);
        assert_eq!(window.next_due(Shared), Some(now + TIMEOUT), "only who holds a message gives it back");
        window.nack(MessageId(1), ONE, now);
        assert_eq!(window.next_due(Shared), Some(now + DELAY));
        assert_eq!(take(&mut window, ONE, Shared, now), Some((3, 0)), "others overtake it");
        assert_eq!(take(&mut window, TWO, Shared, now + DELAY), Some((1, 1)));
        assert_eq!(take(&mut window, ONE, Shared, now + DELAY), None);
        assert_eq!(take(&mut window, ONE, Shared, now + TIMEOUT), Some((2, 1)), "held too long");
    }

    #[test]
    fn an_exclusive_message_that_comes_again_brings_back_what_follows() {
        let now = Instant::now();
        let mut window = window(1..=4);
        for id in 1..=3 {
            assert_eq!(take(&mut window, ONE, Exclusive, now), Some((id, 0)));
        }
        window.ack(MessageId(2));
        window.nack(MessageId(1), ONE, now);
        assert_eq!(take(&mut window, ONE, Exclusive, now), None, "nothing overtakes it");
        let later = now + DELAY;
        for expected in [(1, 1), (3, 1), (4, 0)] {
            assert_eq!(take(&mut window, ONE, Exclusive, later), Some(expected));
        }
        assert_eq!(take(&mut window, ONE, Exclusive, later), None);
        assert_eq!(take(&mut window, ONE, Exclusive, later + TIMEOUT), Some((1, 2)));
    }

    #[test]
    fn what_waits_behind_another_is_not_due_before_it() {
        let start = Instant::now();
        let mut window = window(1..=4);
        for _ in 0..3 {
            take(&mut window, ONE, Exclusive, start);
        }
        assert_eq!(window.next_due(Exclusive), Some(start + TIMEOUT));
        window.nack(MessageId(2), ONE, start + TIMEOUT - DELAY / 2);
        assert_eq!(window.next_due(Exclusive), Some(start + TIMEOUT), "the first is held until then");
        window.ack(MessageId(1));
        let late = start + TIMEOUT;
        assert_eq!(take(&mut window, ONE, Exclusive, late), None, "the third is held too long, and yet waits");
        let due = window.next_due(Exclusive).unwrap();
        assert_eq!(due, late + DELAY / 2);
        assert_eq!(take(&mut window, ONE, Exclusive, due), Some((2, 1)));
    }

    #[test]
    fn a_released_consumer_leaves_its_messages_to_the_next() {
        let now = Instant::now();
        let mut window = window(1..=3);
        take(&mut window, ONE, Exclusive, now);
        take(&mut window, ONE, Exclusive, now);
        window.release(ONE);
        for expected in [(1, 1), (2, 1), (3, 0)] {
            assert_eq!(take(&mut window, TWO, Exclusive, now), Some(expected));
        }
    }

    #[test]
    fn what_is_written_covers_every_message_once() {
        let now = Instant::now();
        let mut window = window(1..=5);
        assert_eq!(window.save(), saved(0, &[]), "nothing was delivered");
        for _ in 0..4 {
            take(&mut window, ONE, Shared, now);
        }
        window.ack(MessageId(1));
        window.ack(MessageId(3));
        window.nack(MessageId(2), ONE, now);
        assert_eq!(window.save(), saved(4, &[(2, 1), (4, 1)]), "5 is read again");
        take(&mut window, ONE, Shared, now + DELAY);
        take(&mut window, ONE, Shared, now + DELAY);
        assert_eq!(window.save(), saved(5, &[(2, 2), (4, 1), (5, 1)]));
        for id in [2, 4, 5] {
            window.ack(MessageId(id));
        }
        assert_eq!(window.save(), saved(5, &[]));
    }
}
