//! The window of an exclusive subscription: messages come again from here, so that their order is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ports::MessageId;
use tokio::time::Instant;

use super::counts::Counts;
use super::turn::Turn;
use crate::pulsar::message::Received;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be handed out, at its place.
    Ready,
    /// Handed out; due again then.
    Held(Instant),
    /// Given back; due again then, and nothing overtakes it.
    Back(Instant),
}

#[derive(Debug)]
struct Entry {
    received: Received,
    state: State,
    deliveries: u32,
}

#[derive(Debug)]
pub(in crate::pulsar) struct Ordered {
    entries: BTreeMap<MessageId, Entry>,
    before: Counts,
    max: usize,
    timeout: Duration,
}

impl Ordered {
    pub(super) fn new(max: usize, timeout: Duration) -> Self {
        Self { entries: BTreeMap::new(), before: Counts::new(max), max, timeout }
    }

    pub(super) fn has_room(&self) -> bool {
        self.entries.len() < self.max
    }

    pub(super) fn push(&mut self, received: Received) {
        let deliveries = self.before.take(received.id);
        self.entries.insert(received.id, Entry { received, state: State::Ready, deliveries });
    }

    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        // What is held longest is due first, save for one that was given back: that is looked for in order.
        let mut wake: Option<Instant> = None;
        let mut next = None;
        for (id, entry) in &self.entries {
            match entry.state {
                State::Held(due) if due > now => wake = Some(wake.map_or(due, |wake| wake.min(due))),
                // What follows may be late, and yet has to wait.
                State::Back(due) if due > now => return Turn::Wait(Some(wake.map_or(due, |wake| wake.min(due)))),
                State::Ready => {
                    next = Some((*id, false));
                    break;
                }
                State::Held(_) | State::Back(_) => {
                    next = Some((*id, true));
                    break;
                }
            }
        }
        let Some((id, comes_again)) = next else { return Turn::Wait(wake) };
        if comes_again {
            for (_, follower) in self.entries.range_mut(id..).skip(1) {
                if matches!(follower.state, State::Held(_)) {
                    follower.state = State::Ready;
                }
            }
        }
        let Some(entry) = self.entries.get_mut(&id) else { return Turn::Wait(wake) };
        entry.state = State::Held(now + self.timeout);
        let redeliveries = entry.deliveries;
        entry.deliveries = redeliveries.saturating_add(1);
        Turn::Deliver(entry.received.clone().delivered(redeliveries))
    }

    pub(super) fn ack(&mut self, id: MessageId) {
        self.entries.remove(&id);
        let _deliveries = self.before.take(id);
    }

    pub(super) fn ack_through(&mut self, id: MessageId) {
        self.entries.retain(|each, _| *each > id);
        self.before.forget_through(id);
    }

    pub(super) fn nack(&mut self, id: MessageId, due: Instant) {
        if let Some(entry) = self.entries.get_mut(&id).filter(|entry| matches!(entry.state, State::Held(_))) {
            entry.state = State::Back(due);
        }
    }

    pub(super) fn lose(&mut self) {
        for (id, entry) in std::mem::take(&mut self.entries) {
            self.before.remember(id, entry.deliveries);
        }
    }
}

#[cfg(test)]
pub(in crate::pulsar) mod tests {
    use coherence::Timestamp;
    use domain::ports::Outgoing;

    use super::*;

    pub(in crate::pulsar) const SECOND: Duration = Duration::from_secs(1);

    pub(in crate::pulsar) fn received(n: u128) -> Received {
        let message = Outgoing { key: n.to_string(), payload: "{}".into(), properties: BTreeMap::new() };
        Received { id: MessageId(n), message, published_at: Timestamp::UNIX_EPOCH, of: 1 }
    }

    pub(in crate::pulsar) fn delivered(turn: Turn) -> (u128, u32) {
        let Turn::Deliver(message) = turn else { panic!("nothing was handed out: {turn:?}") };
        (message.id.0, message.redeliveries)
    }

    fn window(messages: u128) -> Ordered {
        let mut window = Ordered::new(4, 10 * SECOND);
        (1..=messages).for_each(|n| window.push(received(n)));
        window
    }

    #[test]
    fn one_that_is_given_back_lets_nothing_overtake_it() {
        let (mut window, now) = (window(3), Instant::now());
        assert_eq!([delivered(window.turn(now)), delivered(window.turn(now))], [(1, 0), (2, 0)]);
        window.nack(MessageId(1), now + SECOND);
        assert_eq!(window.turn(now), Turn::Wait(Some(now + SECOND)));
        let later = now + SECOND;
        let again = [(); 3].map(|()| delivered(window.turn(later)));
        assert_eq!(again, [(1, 1), (2, 1), (3, 0)]);
        assert_eq!(window.turn(later), Turn::Wait(Some(later + 10 * SECOND)));
    }

    #[test]
    fn a_late_one_brings_back_what_follows() {
        let (mut window, now) = (window(3), Instant::now());
        delivered(window.turn(now));
        for _ in 2..=3 {
            delivered(window.turn(now + 5 * SECOND));
        }
        assert_eq!(window.turn(now + 5 * SECOND), Turn::Wait(Some(now + 10 * SECOND)));
        assert_eq!(delivered(window.turn(now + 10 * SECOND)), (1, 1));
        window.ack(MessageId(1));
        assert_eq!(delivered(window.turn(now + 10 * SECOND)), (2, 1));
    }

    /// The second waits longer than the first: the first comes at its time, and the second still waits.
    #[test]
    fn each_that_is_given_back_has_its_own_time() {
        let (mut window, now) = (window(2), Instant::now());
        (0..2).for_each(|_| drop(window.turn(now)));
        window.nack(MessageId(1), now + SECOND);
        window.nack(MessageId(2), now + 2 * SECOND);
        assert_eq!(delivered(window.turn(now + SECOND)), (1, 1));
        assert_eq!(window.turn(now + SECOND), Turn::Wait(Some(now + 2 * SECOND)));
        assert_eq!(delivered(window.turn(now + 2 * SECOND)), (2, 1));
    }

    #[test]
    fn acknowledging_through_makes_room() {
        let mut window = window(4);
        assert!(!window.has_room());
        window.ack_through(MessageId(3));
        assert!(window.has_room());
        assert_eq!(delivered(window.turn(Instant::now())), (4, 0));
    }

    #[test]
    fn a_loss_empties_it_and_keeps_the_counts() {
        let (mut window, now) = (window(2), Instant::now());
        delivered(window.turn(now));
        window.lose();
        assert_eq!(window.turn(now), Turn::Wait(None));
        (1..=2).for_each(|n| window.push(received(n)));
        assert_eq!([(); 2].map(|()| delivered(window.turn(now))), [(1, 1), (2, 0)]);
    }
}
