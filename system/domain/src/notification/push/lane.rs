//! The lanes: what waits for each origin, and whose turn it is.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

use super::PushConfig;
use super::breaker::Breaker;
use super::desk::Held;
use crate::ports::PushOrigin;

struct Lane {
    waiting: VecDeque<Held>,
    running: usize,
    breaker: Breaker,
    /// Whether it stands in the queue of turns.
    in_turn: bool,
}

/// All lanes.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<PushOrigin, Lane>,
    turns: VecDeque<PushOrigin>,
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

impl Lanes {
    fn lane(&mut self, origin: &PushOrigin) -> &mut Lane {
        let new = || Lane { waiting: VecDeque::new(), running: 0, breaker: Breaker::new(), in_turn: false };
        self.lanes.entry(origin.clone()).or_insert_with(new)
    }

    /// Puts a push into the lane of its origin.
    pub(super) fn add(&mut self, held: Held, config: &PushConfig) {
        let origin = held.origin.clone();
        self.lane(&origin).waiting.push_back(held);
        self.consider(&origin, config);
    }

    /// A lane that has something to do, and may, stands in the queue of turns.
    fn consider(&mut self, origin: &PushOrigin, config: &PushConfig) {
        let Some(lane) = self.lanes.get_mut(origin) else { return };
        if !lane.in_turn && !lane.waiting.is_empty() && lane.running < config.per_origin {
            lane.in_turn = true;
            self.turns.push_back(origin.clone());
        }
        if lane.waiting.is_empty() && lane.running == 0 && lane.breaker.is_new() && !lane.in_turn {
            self.lanes.remove(origin);
        }
    }

    /// The next push, one of each lane in turn.
    pub(super) fn next(&mut self, now: Instant, config: &PushConfig) -> Turn {
        while let Some(origin) = self.turns.pop_front() {
            let Some(lane) = self.lanes.get_mut(&origin) else { continue };
            lane.in_turn = false;
            let may_go = lane.breaker.admits(now, &config.breaker);
            let turn = match (may_go, lane.waiting.pop_front()) {
                (_, None) => None,
                (Ok(()), Some(held)) => {
                    lane.breaker.goes();
                    lane.running += 1;
                    Some(Turn::Go(held))
                }
                (Err(until), Some(held)) => Some(Turn::Back(held, until)),
            };
            self.consider(&origin, config);
            if let Some(turn) = turn {
                return turn;
            }
        }
        Turn::Nobody
    }

    /// An attempt ended: `works` says whether its origin does, where it shows that. Whether the breaker opened by this.
    pub(super) fn ended(
        &mut self,
        origin: &PushOrigin,
        works: Option<bool>,
        now: Instant,
        config: &PushConfig,
    ) -> bool {
        let lane = self.lane(origin);
        lane.running = lane.running.saturating_sub(1);
        let opened = match works {
            Some(true) => {
                lane.breaker.succeeded();
                false
            }
            Some(false) => lane.breaker.failed(now, &config.breaker),
            None => {
                lane.breaker.learnt_nothing();
                false
            }
        };
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

    /// The origins whose breakers are not closed.
    pub(super) fn open_breakers(&self) -> usize {
        self.lanes.values().filter(|lane| lane.breaker.is_open()).count()
    }
}
