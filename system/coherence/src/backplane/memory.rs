//! The backplane inside one process: for the embedded default, where all instances live in it, and for tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;

use super::port::{
    Backplane, BackplaneDelivery, BackplaneError, BackplaneSubscription, Claimed, Publication, Published, Replay,
};
use crate::mutant;
use crate::stream::{Head, Section};
use crate::version::{Fence, Sequence, StreamEpoch};

/// Bounds of a [`MemoryBackplane`].
#[derive(Debug, Clone, Copy)]
pub struct MemoryBackplaneLimits {
    /// Messages that a repair stream keeps; the oldest go. Who is further behind resyncs in bulk.
    pub stream_messages: usize,
    /// The same in bytes.
    pub stream_bytes: usize,
    /// Deliveries that wait for a slow subscriber; then it is told that it lost some.
    pub backlog: usize,
}

impl Default for MemoryBackplaneLimits {
    /// 20,000 messages, 16 MiB, a backlog of 8,192.
    fn default() -> Self {
        Self { stream_messages: 20_000, stream_bytes: 16 << 20, backlog: 8_192 }
    }
}

/// What is stored of a section.
#[derive(Debug, Clone, Default)]
struct Stored {
    fence: Fence,
    head: Option<Head>,
    stream: VecDeque<(Sequence, Bytes)>,
    stream_bytes: usize,
}

#[derive(Debug)]
struct SectionState {
    stored: Stored,
    channel: broadcast::Sender<BackplaneDelivery>,
}

/// A copy of what a backplane held, for tests of servers that fall back to one.
#[derive(Debug, Clone)]
pub struct BackplaneSnapshot(BTreeMap<Section, Stored>);

#[derive(Debug)]
struct State {
    sections: BTreeMap<Section, SectionState>,
    identity: u64,
    down: bool,
}

/// The in-process backplane. Clones share everything.
#[derive(Debug, Clone)]
pub struct MemoryBackplane {
    limits: MemoryBackplaneLimits,
    state: Arc<Mutex<State>>,
}

impl MemoryBackplane {
    /// A backplane without sections; they come with their first use.
    pub fn new(limits: MemoryBackplaneLimits) -> Self {
        let state = State { sections: BTreeMap::new(), identity: 1, down: false };
        Self { limits, state: Arc::new(Mutex::new(state)) }
    }

    /// The backplane as its port.
    pub fn into_port(self) -> Arc<dyn Backplane> {
        Arc::new(self)
    }

    /// What it holds now.
    pub fn snapshot(&self) -> BackplaneSnapshot {
        let state = self.lock();
        BackplaneSnapshot(state.sections.iter().map(|(section, each)| (section.clone(), each.stored.clone())).collect())
    }

    /// Falls back to an older copy of itself, as a replica does that is promoted: subscribers lose their connection, and
    /// the identity is another one.
    pub fn fall_back(&self, to: BackplaneSnapshot) {
        let mut state = self.lock();
        state.identity += 1;
        for (section, each) in &mut state.sections {
            each.stored = to.0.get(section).cloned().unwrap_or_default();
            deliver(&each.channel, BackplaneDelivery::Lost);
            deliver(&each.channel, BackplaneDelivery::Restored);
        }
    }

    /// Cuts all connections, or mends them: calls fail, nothing is delivered.
    pub fn set_down(&self, down: bool) {
        let mut state = self.lock();
        if state.down == down {
            return;
        }
        state.down = down;
        let signal = if down { BackplaneDelivery::Lost } else { BackplaneDelivery::Restored };
        for each in state.sections.values() {
            deliver(&each.channel, signal.clone());
        }
    }

    /// Messages and bytes of the section's stream.
    pub fn stream_sizes(&self, section: &Section) -> (usize, usize) {
        self.lock().sections.get(section).map_or((0, 0), |each| (each.stored.stream.len(), each.stored.stream_bytes))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, section: &Section, work: impl FnOnce(&mut SectionState) -> T) -> Result<T, BackplaneError> {
        let mut state = self.lock();
        if state.down {
            return Err(BackplaneError::Unavailable(None));
        }
        let backlog = self.limits.backlog.max(1);
        let fresh = || SectionState { stored: Stored::default(), channel: broadcast::channel(backlog).0 };
        Ok(work(state.sections.entry(section.clone()).or_insert_with(fresh)))
    }
}

fn deliver(channel: &broadcast::Sender<BackplaneDelivery>, delivery: BackplaneDelivery) {
    // Nobody listening is fine.
    let _ = channel.send(delivery);
}

impl Stored {
    fn out_of_step(&self) -> Published {
        Published::OutOfStep { head: self.head.clone() }
    }

    /// Takes the writer's term, unless a later one was here.
    fn admit(&mut self, fence: Fence) -> Result<(), Fence> {
        if fence < self.fence && !mutant!(FencingIgnoredStep2) {
            return Err(self.fence);
        }
        self.fence = fence;
        Ok(())
    }

    fn append(&mut self, sequence: Sequence, payload: &Bytes, limits: &MemoryBackplaneLimits) {
        self.stream_bytes += payload.len();
        self.stream.push_back((sequence, payload.clone()));
        while self.stream.len() > limits.stream_messages || self.stream_bytes > limits.stream_bytes {
            let Some((_, gone)) = self.stream.pop_front() else { return };
            self.stream_bytes -= gone.len();
        }
    }
}

#[async_trait]
impl Backplane for MemoryBackplane {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        self.with(section, |state| match state.stored.admit(fence) {
            Ok(()) => Claimed::Held { head: state.stored.head.clone() },
            Err(by) => Claimed::Fenced { by },
        })
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        self.with(section, |state| {
            if let Err(by) = state.stored.admit(publication.fence) {
                return Published::Fenced { by };
            }
            let head = publication.head;
            let follows = state.stored.head.as_ref().is_some_and(|stored| {
                stored.stream_epoch == head.stream_epoch && stored.sequence.next() == head.sequence
            });
            if !follows && !mutant!(AnySequenceAccepted) {
                return state.stored.out_of_step();
            }
            state.stored.append(head.sequence, &publication.payload, &self.limits);
            state.stored.head = Some(head);
            deliver(&state.channel, BackplaneDelivery::Change(publication.payload));
            Published::Done
        })
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        let payload = head.write().map_err(|error| BackplaneError::Corrupt(error.to_string()))?;
        self.with(section, |state| {
            if let Err(by) = state.stored.admit(fence) {
                return Published::Fenced { by };
            }
            let same_epoch = state.stored.head.as_ref().filter(|stored| stored.stream_epoch == head.stream_epoch);
            let expected = same_epoch.map_or(Sequence(0), |stored| stored.sequence);
            if head.sequence != expected {
                return state.stored.out_of_step();
            }
            if same_epoch.is_none() {
                state.stored.stream.clear();
                state.stored.stream_bytes = 0;
            }
            state.stored.head = Some(head);
            deliver(&state.channel, BackplaneDelivery::Head(payload));
            Published::Done
        })
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        self.with(section, |state| state.stored.head.clone())
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        self.with(section, |state| {
            let Some(head) = state.stored.head.as_ref().filter(|head| head.stream_epoch == epoch) else {
                return Replay::OutOfReach;
            };
            if after > head.sequence {
                // Who was there knows a later copy of this stream.
                return Replay::OutOfReach;
            }
            if after == head.sequence {
                return Replay::Messages(Vec::new());
            }
            let reaches = state.stored.stream.front().is_some_and(|(first, _)| *first <= after.next());
            if !reaches {
                return Replay::OutOfReach;
            }
            let following = state.stored.stream.iter().filter(|(sequence, _)| *sequence > after).take(limit);
            Replay::Messages(following.map(|(_, payload)| payload.clone()).collect())
        })
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        let receiver = self.with(section, |state| state.channel.subscribe())?;
        Ok(Box::new(MemorySubscription { receiver, restored: false }))
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        let state = self.lock();
        if state.down { Err(BackplaneError::Unavailable(None)) } else { Ok(state.identity.to_string()) }
    }
}

struct MemorySubscription {
    receiver: broadcast::Receiver<BackplaneDelivery>,
    /// The loss of a slow subscriber is told as a connection that was lost and came back at once.
    restored: bool,
}

#[async_trait]
impl BackplaneSubscription for MemorySubscription {
    async fn next(&mut self) -> Result<BackplaneDelivery, BackplaneError> {
        if std::mem::take(&mut self.restored) {
            return Ok(BackplaneDelivery::Restored);
        }
        match self.receiver.recv().await {
            Ok(delivery) => Ok(delivery),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                self.restored = true;
                Ok(BackplaneDelivery::Lost)
            }
            Err(broadcast::error::RecvError::Closed) => Err(BackplaneError::Closed),
        }
    }
}
