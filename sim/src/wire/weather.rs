//! What the nemesis does to connections and backends: the switches that the wire looks at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use domain::ports::Topic;

use crate::dice::Dice;

/// Two hosts, in order.
pub(super) type Pair = (String, String);

pub(super) fn pair(one: &str, other: &str) -> Pair {
    let (one, other) = (one.to_owned(), other.to_owned());
    if one <= other { (one, other) } else { (other, one) }
}

/// The switches.
pub struct Weather {
    dice: Sources,
    state: Mutex<State>,
    /// Whether a road is broken that is to be marked when somebody walks it. Beside the state, since all calls ask.
    watches_roads: AtomicBool,
}

/// Dice, each for one thing, so that its draws shift no others.
struct Sources {
    calls: Dice,
    reads: Dice,
    pubsub_loss: Dice,
    pubsub_order: Dice,
    bus: Dice,
    feed: Dice,
}

#[derive(Default)]
struct State {
    /// How often the connections of a pair were cut.
    cuts: BTreeMap<Pair, u64>,
    stalled: BTreeMap<Pair, u32>,
    short_reads: u32,
    /// In a thousand, of the messages to this subscriber.
    lossy: BTreeMap<String, u64>,
    /// Whether the repair stream cannot be read.
    unreadable: bool,
    /// How often the subscriptions of this subscriber went deaf.
    deaf: BTreeMap<String, u64>,
    slow: BTreeMap<String, Duration>,
    /// Any call may take so much longer, so often in a thousand.
    hiccups: (u64, u64),
    /// The longest of one host.
    hiccup_max_of: BTreeMap<String, u64>,
    /// Answers about many versions arrive so much later.
    versions_late: Duration,
    feed_stalled: u32,
    duplicates: u32,
    /// In a thousand, of the messages to consumers of the bus.
    reordered: u64,
    ack_delay: Duration,
    /// How often a read of the feed goes back, by how much at most, and when it does next.
    feed_back: (u64, u64, u64),
    /// In a thousand, of the messages to this subscriber: so many come twice, so many after the next one.
    disordered: BTreeMap<String, (u64, u64)>,
    /// The topics of which nothing reaches anybody.
    cut_roads: BTreeSet<Topic>,
    /// By pair: the marks to hit when one calls the other.
    broken_roads: BTreeMap<Pair, BTreeSet<&'static str>>,
    hits: Hits,
    wakers: Vec<Waker>,
}

/// What did something, for whoever writes it to the log. Each is told once.
#[derive(Default)]
struct Hits {
    told: BTreeSet<&'static str>,
    new: Vec<&'static str>,
}

impl Hits {
    fn hit(&mut self, mark: &'static str) {
        if self.told.insert(mark) {
            self.new.push(mark);
        }
    }
}

impl Weather {
    /// Fair weather.
    pub fn new(seed: u64) -> Self {
        let dice = |name| Dice::of(seed, name);
        let dice = Sources {
            calls: dice("weather/calls"),
            reads: dice("weather/reads"),
            pubsub_loss: dice("weather/pubsub/loss"),
            pubsub_order: dice("weather/pubsub/order"),
            bus: dice("weather/bus"),
            feed: dice("weather/feed"),
        };
        Self { dice, state: Mutex::default(), watches_roads: AtomicBool::new(false) }
    }

    /// The marks that were hit for the first time since somebody asked.
    pub fn take_hits(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.lock().hits.new)
    }

    pub(crate) fn hit(&self, mark: &'static str) {
        self.lock().hits.hit(mark);
    }

    /// Calls between two hosts hit `mark`, or do so no more.
    pub fn watch_road(&self, one: &str, other: &str, mark: &'static str, on: bool) {
        let mut state = self.lock();
        let marks = state.broken_roads.entry(pair(one, other)).or_default();
        if on {
            marks.insert(mark)
        } else {
            marks.remove(mark)
        };
        state.broken_roads.retain(|_, marks| !marks.is_empty());
        self.watches_roads.store(!state.broken_roads.is_empty(), Ordering::Relaxed);
    }

    /// Somebody calls somebody.
    pub(crate) fn walk(&self, from: &str, to: &str) {
        if !self.watches_roads.load(Ordering::Relaxed) {
            return;
        }
        let state = &mut *self.lock();
        for mark in state.broken_roads.get(&pair(from, to)).into_iter().flatten() {
            state.hits.hit(mark);
        }
    }

    /// Of the Pub/Sub messages to `subscriber` so many in a thousand come twice, and so many after the next one.
    pub fn set_disordered(&self, subscriber: &str, doubled: u64, overtaken: u64) {
        self.change(|state| {
            state.disordered.insert(subscriber.to_owned(), (doubled, overtaken));
        });
    }

    /// Whether this message to `subscriber` comes twice, and whether the next one overtakes it.
    pub(super) fn disorder(&self, subscriber: &str) -> (bool, bool) {
        let (doubled, overtaken) = self.lock().disordered.get(subscriber).copied().unwrap_or_default();
        let does = |permille| permille > 0 && self.dice.pubsub_order.permille(permille);
        (does(doubled), does(overtaken))
    }

    /// Nothing of `topic` reaches anybody any more.
    pub fn set_road_cut(&self, topic: Topic, on: bool) {
        self.change(|state| {
            if on {
                state.cut_roads.insert(topic)
            } else {
                state.cut_roads.remove(&topic)
            };
        });
    }

    pub(super) fn is_road_cut(&self, topic: Topic) -> bool {
        self.lock().cut_roads.contains(&topic)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = self.lock();
            change(&mut state);
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Resets every connection between two hosts.
    pub fn cut(&self, one: &str, other: &str) {
        self.change(|state| *state.cuts.entry(pair(one, other)).or_default() += 1);
    }

    /// Streams between two hosts move nothing while this is on.
    pub fn set_stalled(&self, one: &str, other: &str, on: bool) {
        self.change(|state| count(state.stalled.entry(pair(one, other)).or_default(), on));
    }

    /// Reads return a few bytes at a time.
    pub fn set_short_reads(&self, on: bool) {
        self.change(|state| count(&mut state.short_reads, on));
    }

    /// Of the Pub/Sub messages to `subscriber`, so many in a thousand are lost.
    pub fn set_lossy(&self, subscriber: &str, permille: u64) {
        self.change(|state| {
            state.lossy.insert(subscriber.to_owned(), permille);
        });
    }

    /// Whether the repair stream can be read.
    pub fn set_unreadable(&self, on: bool) {
        self.change(|state| state.unreadable = on);
    }

    pub(crate) fn is_unreadable(&self) -> bool {
        self.lock().unreadable
    }

    /// The present subscriptions of `subscriber` hear nothing any more.
    pub fn deafen(&self, subscriber: &str) {
        self.change(|state| *state.deaf.entry(subscriber.to_owned()).or_default() += 1);
    }

    /// How often they did until now.
    pub(super) fn deafened(&self, subscriber: &str) -> u64 {
        self.lock().deaf.get(subscriber).copied().unwrap_or_default()
    }

    /// Each call to a backend takes up to `max_ms` longer, so often in a thousand.
    pub fn set_hiccups(&self, permille: u64, max_ms: u64) {
        self.change(|state| state.hiccups = (permille, max_ms));
    }

    /// What the versions of many rows are is told so much later.
    pub fn set_versions_late(&self, by: Duration) {
        self.change(|state| state.versions_late = by);
    }

    pub(super) fn versions_late(&self) -> Duration {
        self.lock().versions_late
    }

    /// For `host`, up to `max_ms` instead.
    pub fn set_hiccup_max(&self, host: &str, max_ms: u64) {
        self.change(|state| {
            state.hiccup_max_of.insert(host.to_owned(), max_ms);
        });
    }

    /// Calls to `host` take so much longer.
    pub fn set_slow(&self, host: &str, by: Duration) {
        self.change(|state| {
            state.slow.insert(host.to_owned(), by);
        });
    }

    /// Reads of the change feed do not answer while this is on.
    pub fn set_feed_stalled(&self, on: bool) {
        self.change(|state| count(&mut state.feed_stalled, on));
    }

    /// Each message is published twice while this is on, as by a producer whose confirmation was lost.
    pub fn set_duplicates(&self, on: bool) {
        self.change(|state| count(&mut state.duplicates, on));
    }

    /// Of the messages to consumers of the bus, so many in a thousand wait for others to overtake them.
    pub fn set_reordered(&self, permille: u64) {
        self.change(|state| state.reordered = permille);
    }

    /// Acknowledgements reach the bus so much later.
    pub fn set_ack_delay(&self, by: Duration) {
        self.change(|state| state.ack_delay = by);
    }

    /// Every so often a read of the feed is answered from up to `back` positions earlier; 0: none is.
    pub fn set_feed_back(&self, every_ms: u64, back: u64) {
        self.change(|state| state.feed_back = (every_ms, back, 0));
    }

    /// How long a message of the bus waits for others to overtake it.
    pub(super) fn held_back(&self) -> Duration {
        const LONGEST_MS: u64 = 400;
        let permille = self.lock().reordered;
        let is_held = permille > 0 && self.dice.bus.permille(permille);
        if is_held { self.dice.bus.millis(1, LONGEST_MS) } else { Duration::ZERO }
    }

    pub(super) fn ack_delay(&self) -> Duration {
        self.lock().ack_delay
    }

    /// By how many positions a read of the feed goes back now.
    pub fn feed_back(&self, now_ms: u64) -> u64 {
        let mut state = self.lock();
        let (every_ms, back, next_ms) = &mut state.feed_back;
        if *back == 0 || now_ms < *next_ms {
            return 0;
        }
        *next_ms = now_ms + *every_ms;
        self.dice.feed.between(1, *back)
    }

    pub(super) fn duplicates(&self) -> bool {
        self.lock().duplicates > 0
    }

    pub(super) fn cuts(&self, of: &Pair) -> u64 {
        self.lock().cuts.get(of).copied().unwrap_or_default()
    }

    /// How often the streams of the pair were cut, and whether they stand still; if so, `waker` is woken with the next
    /// change.
    pub(super) fn of_pair(&self, of: &Pair, waker: &Waker) -> (u64, bool) {
        let mut state = self.lock();
        let cuts = state.cuts.get(of).copied().unwrap_or_default();
        let is_stalled = state.stalled.get(of).is_some_and(|count| *count > 0);
        if is_stalled {
            state.hits.hit("connection_stalled");
            state.wakers.push(waker.clone());
        }
        (cuts, is_stalled)
    }

    /// Wakes `waker` with the next change.
    pub(super) fn watch(&self, waker: &Waker) {
        let mut state = self.lock();
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
    }

    /// How many bytes a read may return.
    pub(super) fn read_max(&self) -> Option<usize> {
        let short = self.lock().short_reads > 0;
        short.then(|| usize::try_from(self.dice.reads.between(1, 7)).unwrap_or(1))
    }

    pub(super) fn is_lost(&self, subscriber: &str) -> bool {
        let permille = self.lock().lossy.get(subscriber).copied().unwrap_or_default();
        permille > 0 && self.dice.pubsub_loss.permille(permille)
    }

    /// How long a call to `host` waits before its effect, and its answer after it.
    pub(super) fn delays_of(&self, host: &str) -> (Duration, Duration) {
        let (slow, (permille, max_ms)) = {
            let state = self.lock();
            let (permille, max_ms) = state.hiccups;
            let max_ms = state.hiccup_max_of.get(host).copied().unwrap_or(max_ms);
            (state.slow.get(host).copied().unwrap_or_default(), (permille, max_ms))
        };
        let dice = &self.dice.calls;
        let hiccup = if permille > 0 && dice.permille(permille) { dice.millis(1, max_ms) } else { slow };
        if !slow.is_zero() {
            self.hit("call_to_slow_backend");
        }
        let by = slow.max(hiccup);
        if by.is_zero() {
            return (by, by);
        }
        // What was read early and arrives late is what floors, tokens and generations are there for.
        self.hit("call_slowed");
        let at_once = dice.permille(400);
        let before = if at_once { Duration::ZERO } else { dice.millis(0, narrow(by)) };
        (before, by.saturating_sub(before))
    }

    /// Whether the feed stands still.
    pub fn is_feed_stalled(&self) -> bool {
        let mut state = self.lock();
        let is_stalled = state.feed_stalled > 0;
        if is_stalled {
            state.hits.hit("feed_stalled");
        }
        is_stalled
    }
}

fn narrow(by: Duration) -> u64 {
    u64::try_from(by.as_millis()).unwrap_or(u64::MAX)
}

/// Faults overlap: a switch is off when the last of them has ended.
fn count(switch: &mut u32, on: bool) {
    *switch = if on { *switch + 1 } else { switch.saturating_sub(1) };
}
