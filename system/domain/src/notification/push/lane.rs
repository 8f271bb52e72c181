//! The lanes: what waits for each origin, and whose turn it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::time::Instant;

use super::PushConfig;
use super::breaker::Breaker;
use super::desk::Held;
use super::slots::Pace;
use crate::ports::PushOrigin;

/// Origins without work that are remembered for their failures. Whoever registers devices chooses the origins: beyond so
/// many, the one that failed first is forgotten.
const REMEMBERED_MAX: usize = 4_096;

struct Lane {
    waiting: VecDeque<Held>,
    /// Attempts that run, and count against the limit of quick ones.
    quick: usize,
    /// Attempts that run and are not quick.
    slow: usize,
    breaker: Breaker,
    /// Whether it stands in the queue of turns.
    in_turn: bool,
    /// Until when it is remembered though it has no work.
    remembered_until: Option<Instant>,
}

/// All lanes.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<PushOrigin, Lane>,
    turns: VecDeque<PushOrigin>,
    /// Those without work, by when they are forgotten.
    remembered: BTreeSet<(Instant, PushOrigin)>,
    waiting: usize,
    open: usize,
}

/// What the lanes say when asked for the next push.
pub(super) enum Turn {
    /// This one may go.
    Go(Held),
    /// The breaker of its origin is open: this one goes back, until then.
    Back(Held, Instant),
    /// Nobody's turn.
    Nobody,
}

impl Lane {
    fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            quick: 0,
            slow: 0,
            breaker: Breaker::new(),
            in_turn: false,
            remembered_until: None,
        }
    }

    fn has_work(&self) -> bool {
        self.in_turn || !self.waiting.is_empty() || self.quick + self.slow > 0
    }

    /// Has the breaker do something; `open` counts those that are open.
    fn with_breaker<T>(&mut self, open: &mut usize, act: impl FnOnce(&mut Breaker) -> T) -> T {
        let before = self.breaker.is_open();
        let answer = act(&mut self.breaker);
        match (before, self.breaker.is_open()) {
            (false, true) => *open += 1,
            (true, false) => *open = open.saturating_sub(1),
            _ => {}
        }
        answer
    }
}

impl Lanes {
    /// Puts a push into the lane of its origin.
    pub(super) fn add(&mut self, held: Held, config: &PushConfig) {
        let origin = held.origin.clone();
        self.waiting += 1;
        self.lanes.entry(origin.clone()).or_insert_with(Lane::new).waiting.push_back(held);
        self.consider(&origin, config);
    }

    /// A lane that has something to do, and may, stands in the queue of turns; one that has nothing to do is forgotten,
    /// unless there are failures to remember.
    fn consider(&mut self, origin: &PushOrigin, config: &PushConfig) {
        let Some(lane) = self.lanes.get_mut(origin) else { return };
        if !lane.in_turn && !lane.waiting.is_empty() && lane.quick < config.per_origin {
            lane.in_turn = true;
            self.turns.push_back(origin.clone());
        }
        let until = match lane.has_work() {
            true => None,
            false => match lane.breaker.remembered_until(&config.breaker) {
                Some(until) => Some(until),
                None => return self.forget(origin),
            },
        };
        if lane.remembered_until == until {
            return;
        }
        if let Some(before) = std::mem::replace(&mut lane.remembered_until, until) {
            self.remembered.remove(&(before, origin.clone()));
        }
        if let Some(until) = until {
            self.remembered.insert((until, origin.clone()));
        }
        if self.remembered.len() > REMEMBERED_MAX
            && let Some((_, first)) = self.remembered.first().cloned()
        {
            self.forget(&first);
        }
    }

    fn forget(&mut self, origin: &PushOrigin) {
        let Some(mut lane) = self.lanes.remove(origin) else { return };
        if let Some(until) = lane.remembered_until {
            self.remembered.remove(&(until, origin.clone()));
        }
        lane.with_breaker(&mut self.open, Breaker::succeeded);
    }

    /// Forgets the origins whose failures are long ago.
    pub(super) fn tidy(&mut self, now: Instant) {
        while let Some((_, origin)) = self.remembered.first().filter(|(until, _)| *until <= now).cloned() {
            self.forget(&origin);
        }
    }

    /// The next push, one of each lane in turn.
    pub(super) fn next(&mut self, now: Instant, config: &PushConfig) -> Turn {
        while let Some(origin) = self.turns.pop_front() {
            let Some(lane) = self.lanes.get_mut(&origin) else { continue };
            lane.in_turn = false;
            let may_go = lane.with_breaker(&mut self.open, |breaker| breaker.admits(now, &config.breaker));
            let turn = match (may_go, lane.waiting.pop_front()) {
                (_, None) => None,
                (Ok(()), Some(held)) => {
                    lane.breaker.goes();
                    lane.quick += 1;
                    Some(Turn::Go(held))
                }
                (Err(until), Some(held)) => Some(Turn::Back(held, until)),
            };
            self.waiting -= usize::from(turn.is_some());
            self.consider(&origin, config);
            if let Some(turn) = turn {
                return turn;
            }
        }
        Turn::Nobody
    }

    /// An attempt is not quick: whether its origin may have one more of those. If so it takes no place of a quick one.
    pub(super) fn turns_slow(&mut self, origin: &PushOrigin, config: &PushConfig) -> bool {
        let Some(lane) = self.lanes.get_mut(origin).filter(|lane| lane.slow < config.slow_per_origin) else {
            return false;
        };
        lane.quick = lane.quick.saturating_sub(1);
        lane.slow += 1;
        self.consider(origin, config);
        true
    }

    /// An attempt ended: `works` says whether its origin does, where it shows that. Whether the breaker opened by this.
    pub(super) fn ended(
        &mut self,
        origin: &PushOrigin,
        pace: Pace,
        works: Option<bool>,
        now: Instant,
        config: &PushConfig,
    ) -> bool {
        let lane = self.lanes.entry(origin.clone()).or_insert_with(Lane::new);
        let running = match pace {
            Pace::Quick => &mut lane.quick,
            Pace::Slow => &mut lane.slow,
        };
        *running = running.saturating_sub(1);
        let opened = lane.with_breaker(&mut self.open, |breaker| match works {
            Some(true) => {
                breaker.succeeded();
                false
            }
            Some(false) => breaker.failed(now, &config.breaker),
            None => {
                breaker.learnt_nothing();
                false
            }
        });
        self.consider(origin, config);
        opened
    }

    /// How many pushes wait in lanes whose turn can come: more need not be claimed while there are enough.
    pub(super) fn ready(&self, enough: usize) -> usize {
        let mut ready = 0;
        for origin in &self.turns {
            ready += self.lanes.get(origin).map_or(0, |lane| lane.waiting.len());
            if ready >= enough {
                break;
            }
        }
        ready
    }

    /// Whether a push waits for a place.
    pub(super) fn has_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// The origins whose breakers are not closed.
    pub(super) fn open_breakers(&self) -> usize {
        self.open
    }

    /// The origins that are known: those with work, and those remembered for their failures.
    pub(super) fn origins(&self) -> usize {
        self.lanes.len()
    }
}
