//! The window of a shared subscription: each message by itself, late ones go back to the broker.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use domain::ports::MessageId;
use tokio::time::Instant;

use super::counts::Counts;
use super::turn::Turn;
use crate::pulsar::message::Received;

#[derive(Debug)]
struct Held {
    due: Instant,
    deliveries: u32,
}

#[derive(Debug)]
pub(in crate::pulsar) struct Shared {
    fresh: VecDeque<Received>,
    held: BTreeMap<MessageId, Held>,
    before: Counts,
    max: usize,
    timeout: Duration,
}

impl Shared {
    pub(super) fn new(max: usize, timeout: Duration) -> Self {
        Self { fresh: VecDeque::new(), held: BTreeMap::new(), before: Counts::new(max), max, timeout }
    }

    pub(super) fn has_room(&self) -> bool {
        self.fresh.len() + self.held.len() < self.max
    }

    pub(super) fn push(&mut self, received: Received) {
        self.fresh.push_back(received);
    }

    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        let late: Vec<_> = self.held.iter().filter(|(_, held)| held.due <= now).map(|(id, _)| *id).collect();
        if !late.is_empty() {
            for id in &late {
                if let Some(held) = self.held.remove(id) {
                    self.before.remember(*id, held.deliveries);
                }
            }
            return Turn::GiveBack(late);
        }
        let Some(received) = self.fresh.pop_front() else {
            return Turn::Wait(self.held.values().map(|held| held.due).min());
        };
        let redeliveries = self.before.take(received.id);
        let held = Held { due: now + self.timeout, deliveries: redeliveries.saturating_add(1) };
        self.held.insert(received.id, held);
        Turn::Deliver(received.delivered(redeliveries))
    }

    pub(super) fn ack(&mut self, id: MessageId) {
        self.held.remove(&id);
        let _deliveries = self.before.take(id);
        // It was given back, came again, and its first effect is done after all.
        self.fresh.retain(|received| received.id != id);
    }

    pub(super) fn nack(&mut self, id: MessageId, due: Instant) {
        if let Some(held) = self.held.get_mut(&id) {
            held.due = due;
        }
    }

    pub(super) fn lose(&mut self) {
        self.fresh.clear();
        for (id, held) in std::mem::take(&mut self.held) {
            self.before.remember(id, held.deliveries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ordered::tests::{SECOND, delivered, received};
    use super::*;

    fn window() -> Shared {
        Shared::new(4, 10 * SECOND)
    }

    #[test]
    fn late_messages_go_back_and_are_counted() {
        let (mut window, now) = (window(), Instant::now());
        for n in 1..=3 {
            window.push(received(n));
        }
        assert_eq!([delivered(window.turn(now)), delivered(window.turn(now + SECOND))], [(1, 0), (2, 0)]);
        assert_eq!(window.turn(now + 10 * SECOND), Turn::GiveBack(vec![MessageId(1)]));
        assert_eq!(delivered(window.turn(now + 10 * SECOND)), (3, 0));
        window.push(received(1));
        assert_eq!(delivered(window.turn(now + 10 * SECOND)), (1, 1));
        assert_eq!(window.turn(now + 10 * SECOND), Turn::Wait(Some(now + 11 * SECOND)));
    }

    #[test]
    fn one_that_is_given_back_goes_at_its_time() {
        let (mut window, now) = (window(), Instant::now());
        window.push(received(1));
        window.turn(now);
        window.nack(MessageId(1), now + SECOND);
        // Unknown ones are nobody's.
        window.nack(MessageId(9), now);
        assert_eq!(window.turn(now), Turn::Wait(Some(now + SECOND)));
        assert_eq!(window.turn(now + SECOND), Turn::GiveBack(vec![MessageId(1)]));
    }

    #[test]
    fn a_late_acknowledgement_takes_back_what_came_again() {
        let (mut window, now) = (window(), Instant::now());
        window.push(received(1));
        window.turn(now);
        window.turn(now + 10 * SECOND);
        window.push(received(1));
        window.ack(MessageId(1));
        assert_eq!(window.turn(now + 10 * SECOND), Turn::Wait(None));
    }

    #[test]
    fn a_loss_empties_it_and_keeps_the_counts() {
        let (mut window, now) = (window(), Instant::now());
        for n in 1..=4 {
            window.push(received(n));
        }
        window.turn(now);
        assert!(!window.has_room());
        window.lose();
        assert!(window.has_room());
        assert_eq!(window.turn(now), Turn::Wait(None));
        window.push(received(1));
        assert_eq!(delivered(window.turn(now)), (1, 1));
    }
}
