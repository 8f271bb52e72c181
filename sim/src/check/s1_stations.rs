//! S1 `stations`: on the way of a change no station says what the one before it has not said.
//!
//! The road has two more mechanisms behind each one, so that from outside a broken station is seen late or never. Here
//! each is held to its own promise: the tracker's cursor is moved by whoever has the lease, behind what the bus has
//! confirmed; a beacon says what the feed said; an event is marked as sent when the bus has it; what is acknowledged is
//! done; terms go up; the stream begins anew only where something was lost or a life began; the shared tier's value of a
//! key never goes back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::checker::{Checker, Violation, violated};
use super::s1_acknowledged::Acknowledged;
use super::s1_order::Order;
use crate::log::{Event, Record, Streamed, Ver};

const NAME: &str = "S1 stations";

/// The checker.
#[derive(Default)]
pub(super) struct Stations {
    /// Up to where the bus was told.
    told: u64,
    /// The life in which it was last. A tracker of a later one passes over what is left of those before: the first, and whoever
    /// finds a late message of an earlier life at the topic's end. Then the stream begins anew.
    told_life: u64,
    /// The trackers that told something, or passed over something: that comes before.
    spoke: BTreeSet<Ver>,
    /// Positions at which the feed was read to its end.
    ends: BTreeSet<u64>,
    published: BTreeSet<u64>,
    /// By token: until when the tracker's lease is nobody else's.
    tracker_until: BTreeMap<u64, u64>,
    /// The token that the tracker's lease was given out under last.
    tracker_token: Option<u64>,
    /// The last that the backplane took, and whether something of it may be lost since.
    streamed: Option<Streamed>,
    lost: bool,
    /// When something was lost last.
    lost_ms: Option<u64>,
    /// Who began it may have asked for the servers before something was lost: the next head shows others, and it ends too.
    may_end: Option<u64>,
    put_back: bool,
    /// Where the feed began since it was pruned: what was not told by then nobody will tell.
    pruned_to: BTreeSet<u64>,
    /// The highest place in the tracker's terms that the stream ever had.
    reached: Option<(Ver, u64)>,
    /// By key: the highest term that wrote it, and the version that it has reached.
    shared: BTreeMap<String, (Ver, Ver)>,
    seen: Acknowledged,
    order: Order,
}

/// An epoch that begins so soon after a loss may have been under way before it.
const BEGUN_MS: u64 = 1_000;

impl Stations {
    fn on_told(&mut self, term: Ver, position: u64, beacon: bool) -> Result<(), String> {
        self.told = position.max(self.told);
        self.told_life = term.0;
        self.spoke.insert(term);
        match beacon && position > 0 && !self.ends.contains(&position) {
            true => {
                Err(format!("a beacon of {term} says that the feed ends at {position}, where it was never read to"))
            }
            false => Ok(()),
        }
    }

    fn on_streamed(&mut self, now: Streamed, at_ms: u64) -> Result<(), String> {
        let before = self.streamed.replace(now);
        let place = (now.tracker, now.counter);
        let reached = self.reached;
        self.reached = reached.max(Some(place));
        let Some(before) = before else { return Ok(()) };
        if now.term < before.term && !self.lost {
            return Err(format!("term {} writes to the stream after term {}", now.term, before.term));
        }
        // A call that was given up, and made again, may arrive after that. Whoever writes finds the stream out of step then,
        // and begins it once more.
        if now.epoch != before.epoch && now.sequence == 0 && place <= (before.tracker, before.counter) {
            self.lost = true;
            return Ok(());
        }
        if self.lost {
            // Whoever writes notices at its next head at the latest, and begins the stream anew.
            self.lost = now.epoch == before.epoch;
            let is_young = self.lost_ms.is_some_and(|lost_ms| lost_ms + BEGUN_MS >= at_ms);
            self.may_end = (!self.lost && is_young).then_some(now.epoch);
            return Ok(());
        }
        if now.tracker < before.tracker {
            return Err(format!("the stream goes back from tracker {} to {}", before.tracker, now.tracker));
        }
        // A head that was sent, given up and sent again may arrive once more after the next one: then the stored one is older
        // than what was told. Who takes over from it may find a hole, and begin anew.
        // What was lost may have been of a later tracker: then an earlier one's messages come again, from where the head is.
        let told = reached.filter(|(tracker, _)| *tracker == now.tracker).map_or(0, |(_, counter)| counter);
        let told = told.max(before.counter);
        let is_behind = reached > Some((before.tracker, before.counter));
        let same_term = now.tracker == before.tracker;
        if same_term && now.counter > told + 1 {
            return Err(format!("of tracker {} the messages after {told} are missing", now.tracker));
        }
        let same_life = now.tracker.0 == before.tracker.0;
        // A feed that is replayed to a new tracker begins before where the last one ended.
        if same_life && now.counter > 1 && now.position < before.position {
            return Err(format!("the stream goes back in the feed from {} to {}", before.position, now.position));
        }
        let missed = (Bound::Excluded(before.position), Bound::Included(now.position));
        let pruned = before.position < now.position && self.pruned_to.range(missed).next().is_some();
        if same_life && now.epoch != before.epoch && !pruned && !is_behind && self.may_end != Some(before.epoch) {
            return Err(format!("epoch {} ended, and nothing was lost", before.epoch));
        }
        Ok(())
    }

    fn on_stored(&mut self, key: &str, version: Ver, term: Option<Ver>) -> Result<(), String> {
        let (highest, reached) = self.shared.entry(key.to_owned()).or_insert((Ver(0, 0), Ver(0, 0)));
        if let Some(term) = term {
            if term < *highest {
                return Err(format!("term {term} writes {key} after term {highest}"));
            }
            *highest = term;
        }
        if version < *reached {
            return Err(format!("the shared tier stores {version} of {key}, which has reached {reached}"));
        }
        *reached = version;
        Ok(())
    }

    fn on_raised(&mut self, key: &str, version: Ver) {
        let (_, reached) = self.shared.entry(key.to_owned()).or_insert((Ver(0, 0), Ver(0, 0)));
        *reached = version.max(*reached);
    }

    fn judge(&mut self, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::FeedRead { to, at_end: true } => {
                self.ends.insert(*to);
            }
            Event::FeedPruned { to } => {
                self.told = self.told.max(*to);
                self.pruned_to.insert(*to);
            }
            Event::Leased { name, term, until_ms } if name == "tracker" => {
                self.tracker_until.insert(term.1, *until_ms);
                self.tracker_token = Some(term.1);
            }
            Event::Telling { term } => {
                let until_ms = self.tracker_until.get(&term.1).copied().unwrap_or_default();
                if record.at_ms > until_ms {
                    return Err(format!("the tracker of {term} sends though its lease ended at {until_ms} ms"));
                }
            }
            Event::Told(told) => return self.on_told(told.term, told.position, told.beacon),
            Event::CursorMoved { term, to } => {
                if let Some(token) = self.tracker_token.filter(|token| *token != term.1) {
                    return Err(format!("token {} moves the cursor of token {token}", term.1));
                }
                if self.spoke.insert(*term) && term.0 > self.told_life && self.told_life > 0 {
                    self.told = self.told.max(*to);
                    self.pruned_to.insert(*to);
                }
                if *to > self.told {
                    return Err(format!("the cursor of {term} is at {to}, the bus was told up to {}", self.told));
                }
            }
            Event::Published { payload } => {
                self.published.insert(*payload);
            }
            // The ids of the outbox come again when the store was put back.
            Event::MarkedSent { payload } if !self.put_back && !self.published.contains(payload) => {
                return Err("an event is marked as sent that the bus has not".to_owned());
            }
            Event::Streamed(streamed) => return self.on_streamed(*streamed, record.at_ms),
            Event::ToldAcknowledged { term, counter } => {
                let of_this_life = self.streamed.is_some_and(|last| last.tracker.0 == term.0) && !self.lost;
                if of_this_life && Some((*term, *counter)) > self.reached {
                    return Err(format!("message {counter} of tracker {term} is acknowledged before its effect"));
                }
            }
            Event::Stored { key, version, term, .. } => return self.on_stored(key, *version, *term),
            Event::Raised { key, version } => self.on_raised(key, *version),
            // With the rows the lease is put back.
            Event::PutBack { .. } => (self.put_back, self.tracker_token) = (true, None),
            Event::MemoryLost => {
                (self.lost, self.lost_ms) = (true, Some(record.at_ms));
                self.shared.clear();
            }
            _ => return self.seen.judge(record),
        }
        Ok(())
    }
}

impl Checker for Stations {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        let judged = self.order.judge(record).and_then(|()| self.judge(record));
        judged.map_err(|message| violated(NAME, record, message))
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{Forge, KEY};
    use super::*;
    use crate::log::Told;

    const TERM: Ver = Ver(1, 3);

    fn forge(events: impl IntoIterator<Item = Event>) -> Result<(), Violation> {
        let begun = Forge::default();
        let all = events.into_iter().enumerate();
        all.fold(begun, |forge, (at, event)| forge.event(at as u64, "i0", event)).check(Stations::default())
    }

    fn told(counter: u64, position: u64, beacon: bool) -> Event {
        Event::Told(Told { term: TERM, counter, position, beacon })
    }

    fn streamed(epoch: u64, tracker: Ver, counter: u64) -> Event {
        let (sequence, position) = (counter, counter);
        Event::Streamed(Streamed { term: TERM, epoch, sequence, tracker, counter, position })
    }

    #[test]
    fn an_earlier_trackers_messages_come_again_where_a_later_ones_were_lost() {
        let history = |counter| {
            let before = [streamed(1, TERM, 5), streamed(1, Ver(1, 9), 6), Event::MemoryLost];
            forge(before.into_iter().chain([streamed(2, TERM, 4), streamed(2, TERM, counter)]))
        };
        assert_eq!(history(5), Ok(()));
        assert!(history(6).is_err(), "one is missing");
    }

    /// A head at the end of what is streamed.
    fn head_again(counter: u64, sequence: u64) -> Event {
        let position = sequence;
        Event::Streamed(Streamed { term: TERM, epoch: 1, sequence, tracker: TERM, counter, position })
    }

    fn stored(version: u64, term: Option<Ver>) -> Event {
        Event::Stored { key: "k".to_owned(), version: Ver(1, version), term, epoch: 1 }
    }

    #[test]
    fn what_runs_ahead_is_refused() {
        assert!(forge([told(1, 4, false), Event::CursorMoved { term: TERM, to: 5 }]).is_err());
        assert!(forge([Event::FeedRead { to: 4, at_end: false }, told(1, 4, true)]).is_err());
        assert!(forge([Event::MarkedSent { payload: 7 }]).is_err());
        assert!(forge([streamed(1, TERM, 4), Event::ToldAcknowledged { term: TERM, counter: 5 }]).is_err());
    }

    #[test]
    fn who_sends_after_its_lease_is_refused() {
        let leased = |name: &str| Event::Leased { name: name.to_owned(), term: TERM, until_ms: 1 };
        let telling = || Event::Telling { term: TERM };
        assert_eq!(forge([leased("tracker"), telling()]), Ok(()), "in its last moment");
        assert!(forge([leased("tracker"), Event::Up, telling()]).is_err());
        assert!(forge([leased("sync"), Event::Up, telling()]).is_err(), "another lease than the tracker's");
    }

    #[test]
    fn who_moves_the_cursor_after_its_lease_is_refused() {
        let leased = |token| Event::Leased { name: "tracker".to_owned(), term: Ver(1, token), until_ms: 9 };
        let moved = || Event::CursorMoved { term: TERM, to: 4 };
        let message = forge([told(1, 4, false), leased(3), leased(4), moved()]).unwrap_err().message;
        assert!(message.contains("cursor of token 4"), "{message}");
        assert_eq!(forge([told(1, 4, false), leased(2), leased(3), moved()]), Ok(()));
        let put_back = Event::PutBack { to: 0, announced: false };
        assert_eq!(forge([told(1, 4, false), leased(4), put_back, moved()]), Ok(()), "with the lease of then");
    }

    #[test]
    fn a_tracker_passes_over_what_is_left_after_a_message_of_an_earlier_life_and_after_no_other() {
        let of = |life| Event::Told(Told { term: Ver(life, 9), counter: 1, position: 4, beacon: false });
        let passed = || Event::CursorMoved { term: Ver(2, 3), to: 9 };
        assert_eq!(forge([of(1), passed()]), Ok(()));
        assert!(forge([of(1), of(2), passed()]).is_err());
        assert_eq!(forge([of(2), of(1), passed()]), Ok(()), "a late one");
    }

    #[test]
    fn an_earlier_term_and_an_earlier_place_in_the_feed_are_refused() {
        let head = |term: Ver, counter, position| {
            Event::Streamed(Streamed { term, epoch: 1, sequence: counter, tracker: TERM, counter, position })
        };
        let message = |events| forge(events).unwrap_err().message;
        assert!(message([head(Ver(1, 5), 4, 4), head(Ver(1, 4), 5, 5)]).contains("after term"));
        assert!(message([head(TERM, 4, 9), head(TERM, 5, 8)]).contains("goes back in the feed"));
        assert_eq!(forge([head(TERM, 4, 9), head(TERM, 5, 9)]), Ok(()));
    }

    #[test]
    fn what_goes_back_or_leaves_out_is_refused() {
        assert!(forge([streamed(1, TERM, 4), streamed(1, TERM, 6)]).is_err(), "a message is missing");
        assert!(forge([streamed(1, TERM, 4), streamed(1, Ver(1, 2), 9)]).is_err(), "an earlier tracker");
        let late = [streamed(1, TERM, 4), head_again(5, 4), head_again(4, 4), streamed(1, TERM, 6)];
        assert_eq!(forge(late), Ok(()), "a head that came once more, after the next one");
        let begins = |epoch, counter| match streamed(epoch, TERM, counter) {
            Event::Streamed(head) => Event::Streamed(Streamed { sequence: 0, ..head }),
            other => other,
        };
        assert!(forge([streamed(1, TERM, 4), begins(2, 5)]).is_err(), "a new epoch without a cause");
        assert_eq!(forge([begins(1, 4), begins(2, 4)]), Ok(()), "begun, not answered, begun again");
        let lost_at = |at| {
            let forge = Forge::default().event(0, "i0", streamed(1, TERM, 4)).event(at, "i0", Event::MemoryLost);
            let forge = forge.event(4_000, "i0", begins(2, 5)).event(4_200, "i0", begins(3, 6));
            forge.event(4_300, "i0", begins(4, 7))
        };
        assert!(lost_at(1_000).check(Stations::default()).unwrap_err().message.contains("epoch 2"), "once is enough");
        let twice = lost_at(3_990).check(Stations::default()).unwrap_err().message;
        assert!(twice.contains("epoch 3"), "the servers were asked for before something was lost: {twice}");
        let pruned = |to| Event::FeedPruned { to };
        let late = [pruned(2), pruned(99), streamed(1, TERM, 1), begins(2, 2)];
        assert_eq!(forge(late), Ok(()), "pruned again before anybody was told of the first time");
        assert!(forge([stored(4, Some(TERM)), stored(5, Some(Ver(1, 2)))]).is_err(), "an earlier term");
        assert!(forge([stored(4, None), stored(3, None)]).is_err());
        let raised = Event::Raised { key: "k".to_owned(), version: Ver(1, 5) };
        assert!(forge([raised, stored(4, None)]).is_err());
    }

    #[test]
    fn an_invalidation_without_effect_is_refused() {
        let acknowledged = Event::InvalidationAcknowledged { key: KEY, version: Ver(1, 2), companies: vec![] };
        let history = Forge::default().commit(0, 1).commit(1, 2).event(2, "i0", acknowledged);
        assert!(history.get(3, 1).check(Stations::default()).is_err());
    }

    #[test]
    fn a_road_in_order_is_accepted() {
        let good = [
            Event::FeedRead { to: 4, at_end: true },
            told(1, 3, false),
            told(2, 4, true),
            streamed(1, TERM, 1),
            Event::ToldAcknowledged { term: TERM, counter: 1 },
            streamed(1, TERM, 2),
            Event::CursorMoved { term: TERM, to: 4 },
            Event::Published { payload: 7 },
            Event::MarkedSent { payload: 7 },
            stored(3, Some(TERM)),
            Event::MemoryLost,
            streamed(1, TERM, 3),
            streamed(2, TERM, 3),
            stored(2, None),
            streamed(2, Ver(1, 4), 3),
        ];
        assert_eq!(forge(good), Ok(()));
    }
}
