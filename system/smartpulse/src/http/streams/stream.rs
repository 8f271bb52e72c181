//! One open stream.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use coherence::backplane::Replay;
use coherence::follower::Followed;
use coherence::{ChangeMessage, FollowerHandle, Sequence};
use domain::forecast::ForecastService;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::event::{self, ChangeData, Met};
use super::hub::StreamHub;
use super::place::Place;
use super::sight::{Sight, sight};
use super::vigil::{Turn, Vigil};
use super::wire;
use crate::http::forecasts::JsonViews;

/// How many messages one look into the repair stream takes.
const REPLAY_MESSAGES: usize = 100;
/// A client that missed more than this loads anew: that is cheaper for both.
const REPLAYED_MAX: usize = 5_000;
/// How often a quiet stream compares its place with that of the instance, which may have jumped without a message.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    /// With what comes.
    FromNow,
    /// With what followed there.
    After(Place),
}

/// One open stream. [`ChangeStream::next`] gives the pieces of its body.
pub(super) struct ChangeStream {
    hub: StreamHub,
    service: ForecastService<JsonViews>,
    follower: FollowerHandle,
    heard: Receiver<Followed>,
    /// The client knows all up to here; `None` while the instance itself follows nothing yet.
    at: Option<Place>,
    waiting: VecDeque<Bytes>,
    /// What was missed is read as the client takes it: from here on, after so many messages.
    catching_up: Option<(Place, usize)>,
    /// The client was told to load anew, and nothing else since.
    was_reset: bool,
    /// The place that the client was told last.
    told: Option<Place>,
    vigil: Vigil,
    ended: bool,
}

impl ChangeStream {
    pub(super) async fn open(
        service: ForecastService<JsonViews>,
        hub: &StreamHub,
        follower: FollowerHandle,
        resume: Resume,
        vigil: Vigil,
    ) -> Self {
        // First: what is applied from here on is heard, what was applied before is in the repair stream.
        let heard = follower.listen();
        let here = Place::applied(&follower.status());
        let at = match resume {
            Resume::FromNow => here,
            Resume::After(place) => Some(place),
        };
        let mut stream = Self {
            hub: hub.clone(),
            service,
            follower,
            heard,
            at,
            waiting: VecDeque::from([wire::opening(hub.base.retry(), at)]),
            catching_up: None,
            was_reset: false,
            told: at,
            vigil,
            ended: false,
        };
        if let Resume::After(place) = resume {
            stream.resume(place).await;
        }
        if !stream.follower.status().trusted {
            // Nothing may come for a while, and what is read meanwhile may be newer than what was heard.
            stream.reset(None);
        }
        stream
    }

    /// Goes on after `place`, unless that is ahead of all that was ever published.
    async fn resume(&mut self, place: Place) {
        let StreamHub { ports, .. } = &self.hub;
        // The stored head, and not this instance, which may be a little behind the one that the client comes from.
        match ports.backplane.head(&ports.section).await {
            Ok(Some(head)) if head.stream_epoch == place.epoch && head.sequence < place.sequence => {
                self.at = None;
                self.reset(Some(Place { epoch: head.stream_epoch, sequence: head.sequence }));
            }
            _ => self.catch_up(place),
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.waiting.pop_front() {
                self.vigil.sent();
                return Some(chunk);
            }
            if self.ended {
                return None;
            }
            if self.vigil.is_expired() {
                self.end(wire::expired());
                continue;
            }
            if let Some((from, replayed)) = self.catching_up.take() {
                self.catch_up_page(from, replayed).await;
                continue;
            }
            tokio::select! {
                biased;
                turn = self.vigil.turn() => self.on_turn(turn),
                heard = self.heard.recv() => self.on_heard(heard).await,
                () = tokio::time::sleep(LOOK_EVERY) => self.look().await,
            }
        }
    }

    fn on_turn(&mut self, turn: Turn) {
        match turn {
            Turn::Closing => self.end(wire::opening(self.hub.base.retry(), self.at)),
            Turn::Expired => self.end(wire::expired()),
            Turn::Beat => self.beat(),
        }
    }

    fn end(&mut self, last: Bytes) {
        self.ended = true;
        self.waiting.push_back(last);
    }

    fn beat(&mut self) {
        let news = self.at.filter(|_| self.at != self.told);
        self.told = self.at;
        self.waiting.push_back(wire::heartbeat(news));
    }

    async fn on_heard(&mut self, heard: Result<Followed, RecvError>) {
        match heard {
            Ok(Followed::Change { message, received_at, applied_at }) => {
                self.on_change(&message, Met { received_at, applied_at }).await;
            }
            Ok(Followed::Reset) => self.reset(None),
            // A client that does not keep up.
            Err(RecvError::Lagged(_)) => {
                self.heard = self.follower.listen();
                self.reset(None);
            }
            // The follower has ended, and so does the instance.
            Err(RecvError::Closed) => self.end(wire::opening(self.hub.base.retry(), self.at)),
        }
    }

    async fn on_change(&mut self, message: &ChangeMessage, met: Met) {
        let Some(place) = Place::of(message) else {
            // Of another program, which knows no places: it is shown where the stream is.
            return self.tell(message, None, Some(met));
        };
        match self.at {
            Some(at) if at.epoch == place.epoch => {
                if place.sequence == at.sequence.next() {
                    self.tell(message, Some(place), Some(met));
                } else if place.sequence > at.sequence {
                    self.catch_up(at);
                }
            }
            // What lies between is not known.
            _ => self.reset(Some(place)),
        }
    }

    /// The instance may have got on without a message: it compared all versions, or a message came before this listened.
    async fn look(&mut self) {
        if !self.heard.is_empty() {
            return;
        }
        let Some(here) = Place::applied(&self.follower.status()) else { return };
        match self.at {
            Some(at) if at.epoch == here.epoch && at.sequence >= here.sequence => {}
            Some(at) if at.epoch == here.epoch => self.catch_up(at),
            _ => self.reset(Some(here)),
        }
    }

    /// Reads what followed `from`, page by page, before anything else is heard.
    fn catch_up(&mut self, from: Place) {
        self.catching_up = Some((from, 0));
    }

    /// One page of what was missed; a reset where it cannot be had.
    async fn catch_up_page(&mut self, from: Place, replayed: usize) {
        let StreamHub { ports, .. } = &self.hub;
        let found = ports.backplane.replay(&ports.section, from.epoch, from.sequence, REPLAY_MESSAGES).await;
        let messages = match found {
            Ok(Replay::Messages(messages)) if replayed <= REPLAYED_MAX => messages,
            Ok(_) => return self.reset(None),
            Err(error) => {
                tracing::warn!(%error, "a stream of changes cannot be caught up");
                return self.reset(None);
            }
        };
        let (last, replayed) = (messages.len() < REPLAY_MESSAGES, replayed + messages.len());
        let mut after = from.sequence;
        for payload in messages {
            let Some((message, sequence)) = read(&payload) else { return self.reset(None) };
            after = sequence;
            self.tell(&message, Some(Place { epoch: from.epoch, sequence }), None);
        }
        if !last {
            self.catching_up = Some((Place { epoch: from.epoch, sequence: after }, replayed));
        }
    }

    /// Tells a change, or what may be told of it. `place` is its own; `met` says that this instance applied it.
    fn tell(&mut self, message: &ChangeMessage, place: Option<Place>, met: Option<Met>) {
        if place.is_some() {
            self.at = place;
        }
        match sight(&self.vigil.caller().identity.scope, message) {
            Sight::Hidden => {}
            Sight::Unclear => self.reset(place),
            Sight::Shown => {
                let cache = self.service.caches().cache();
                // What was shown holds for every read that follows, also where this instance has yet to apply it.
                if let Ok(key) = message.key(&self.hub.ports.section) {
                    cache.shown(&[(key, message.version(cache.incarnation()))]);
                }
                self.was_reset = false;
                self.told = self.at;
                let data = ChangeData::of(message, met);
                self.waiting.push_back(event::change(self.at.unwrap_or(Place::NONE), &data));
            }
        }
    }

    /// Tells the client to load anew, once until there is something else to tell. `known` is up to where it then knows all;
    /// without it, up to where the instance is.
    fn reset(&mut self, known: Option<Place>) {
        let here = known.or_else(|| Place::applied(&self.follower.status()));
        self.at = match (self.at, here) {
            // A client may be ahead of this instance; what it has seen is not told again.
            (Some(at), Some(here)) if at.epoch == here.epoch && at.sequence > here.sequence => Some(at),
            (_, here) => here,
        };
        if self.was_reset {
            // The last one, if it still waits; else this takes nothing.
            self.waiting.pop_back();
        }
        self.was_reset = true;
        self.told = self.at;
        self.waiting.push_back(wire::reset(self.at.unwrap_or(Place::NONE)));
    }
}

fn read(payload: &[u8]) -> Option<(ChangeMessage, Sequence)> {
    let message = ChangeMessage::read(payload).ok()?;
    let sequence = message.sequence?;
    Some((message, sequence))
}

impl std::fmt::Debug for ChangeStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeStream").field("at", &self.at).finish_non_exhaustive()
    }
}
