//! A subscription and those of its consumers that live in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ports::{BusError, BusMessage, MessageId, SubscriptionKind, Topic};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::claim::{self, Claim};
use super::cursors;
use super::topics;
use super::window::{ConsumerId, Redelivery, Saved, Window};
use crate::sqlite::database::Shared;
use crate::sqlite::errors::PortError;

/// One subscription in this process.
pub(super) struct Subscribed {
    pub(super) topic: Topic,
    pub(super) name: String,
    pub(super) durable: bool,
    /// Something changed that may concern who waits in `next`.
    changed: Notify,
    /// One claim or read at a time; the others would do the same work.
    working: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    /// `None` while another process serves the subscription, or before it was asked for.
    window: Option<Window>,
    claim: Option<Claim>,
    consumers: BTreeMap<ConsumerId, SubscriptionKind>,
    closed: bool,
    /// The window differs from what is written down.
    dirty: bool,
    written: Option<Saved>,
}

impl State {
    /// When a message comes due again. All consumers are of one kind.
    fn next_due(&self) -> Option<Instant> {
        let kind = self.consumers.values().next()?;
        self.window.as_ref()?.next_due(*kind)
    }
}

/// What a consumer is to do next.
pub(super) enum Step {
    Deliver(BusMessage),
    /// The subscription, or the bus, is closed.
    Closed,
    /// Try to become the process that serves the subscription.
    Claim,
    /// Read on from the table.
    Fetch {
        after: MessageId,
        limit: usize,
    },
    /// Nothing to do before this time, or before something changes.
    Wait(Option<Instant>),
}

impl Subscribed {
    /// A durable subscription begins without a window: [`Self::claim`] loads it.
    pub(super) fn new(topic: Topic, name: &str, window: Option<Window>) -> Self {
        Self {
            topic,
            name: name.to_owned(),
            durable: window.is_none(),
            changed: Notify::new(),
            working: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                window,
                claim: None,
                consumers: BTreeMap::new(),
                closed: false,
                dirty: false,
                written: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a consumer. The kinds of all consumers must agree.
    pub(super) fn join(&self, consumer: ConsumerId, kind: SubscriptionKind) -> Result<(), BusError> {
        let mut state = self.state();
        match state.consumers.values().next() {
            Some(present) if *present != kind => {
                Err(BusError::Refused(format!("the subscription {} has consumers that are {present:?}", self.name)))
            }
            _ => {
                state.consumers.insert(consumer, kind);
                Ok(())
            }
        }
    }

    /// Removes a consumer; answers whether it was the last one.
    pub(super) fn leave(&self, consumer: ConsumerId) -> bool {
        let mut state = self.state();
        state.consumers.remove(&consumer);
        if let Some(window) = &mut state.window {
            window.release(consumer);
            state.dirty = true;
        }
        let last = state.consumers.is_empty();
        drop(state);
        self.wake();
        last
    }

    pub(super) fn has_consumers(&self) -> bool {
        !self.state().consumers.is_empty()
    }

    /// Ends all consumers and gives up the claim.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.claim = None;
        // Nothing is written any more: if the subscription was deleted, another one may have its name by now.
        state.window = None;
        drop(state);
        self.wake();
    }

    /// Ends all consumers, but keeps the claim until the cursor is written.
    pub(super) fn end_consumers(&self) {
        self.state().closed = true;
        self.wake();
    }

    /// Lets all waiting consumers look again.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }

    /// What `consumer` is to do.
    pub(super) fn step(&self, consumer: ConsumerId, now: Instant) -> Step {
        let mut state = self.state();
        let State { window, consumers, closed, dirty, .. } = &mut *state;
        let Some(kind) = consumers.get(&consumer).copied().filter(|_| !*closed) else { return Step::Closed };
        let first = consumers.keys().next() == Some(&consumer);
        if kind == SubscriptionKind::Exclusive && !first {
            return Step::Wait(None);
        }
        let Some(window) = window else { return Step::Claim };
        if let Some(message) = window.take(consumer, kind, now) {
            *dirty = true;
            return Step::Deliver(message);
        }
        match window.to_fetch() {
            Some((after, limit)) => Step::Fetch { after, limit },
            None => Step::Wait(window.next_due(kind)),
        }
    }

    /// When a message comes due again.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.state().next_due()
    }

    /// Changes the window on a consumer's word.
    pub(super) fn settle(&self, change: impl FnOnce(&mut Window)) -> Result<(), BusError> {
        let mut state = self.state();
        if state.closed {
            return Err(BusError::Closed);
        }
        let due_before = state.next_due();
        let Some(window) = &mut state.window else { return Ok(()) };
        let was_full = window.to_fetch().is_none();
        change(window);
        // Others only look again if there is room now, or something comes due sooner.
        let look = was_full || due_before != state.next_due();
        state.dirty = true;
        drop(state);
        if look {
            self.wake();
        }
        Ok(())
    }

    /// Reads on from the table; answers whether something came.
    pub(super) async fn fetch(&self, shared: &Shared, after: MessageId, limit: usize) -> Result<bool, BusError> {
        let _one_at_a_time = self.working.lock().await;
        let still = self.state().window.as_ref().and_then(Window::to_fetch);
        if still.is_none_or(|(now_after, _)| now_after != after) {
            return Ok(true);
        }
        let messages = topics::fetch(&shared.readers, self.topic, after, limit).await.map_err(BusError::from_driver)?;
        let came = !messages.is_empty();
        if let Some(window) = &mut self.state().window {
            window.fetched(messages);
        }
        if came {
            // Other consumers of a shared subscription may wait for these.
            self.wake();
        }
        Ok(came)
    }

    /// Tries to become the process that serves the subscription, and loads what is written about it; answers whether it
    /// is now.
    pub(super) async fn claim(&self, shared: &Arc<Shared>) -> Result<bool, BusError> {
        let _one_at_a_time = self.working.lock().await;
        if self.state().window.is_some() {
            return Ok(true);
        }
        let claim = claim::claim(&shared.config.path, self.topic, &self.name)
            .map_err(|error| BusError::Unavailable(Some(Arc::new(error))))?;
        let Some(claim) = claim else { return Ok(false) };
        let Some(saved) = cursors::load(&shared.readers, self.topic, &self.name).await? else {
            return Err(BusError::Closed);
        };
        let ids: Vec<MessageId> = saved.unacked.iter().map(|(id, _)| *id).collect();
        let mut unacked = match ids.is_empty() {
            true => Vec::new(),
            false => topics::fetch_these(&shared.readers, self.topic, &ids).await.map_err(BusError::from_driver)?,
        };
        let counts: BTreeMap<MessageId, u32> = saved.unacked.iter().copied().collect();
        for message in &mut unacked {
            message.redeliveries = counts.get(&message.id).copied().unwrap_or_default();
        }
        let mut state = self.state();
        if state.closed {
            return Err(BusError::Closed);
        }
        state.window = Some(Window::new(saved.cursor, unacked, redelivery(shared)));
        state.claim = Some(claim);
        state.written = Some(saved);
        drop(state);
        self.wake();
        Ok(true)
    }

    /// What must be written down now, if anything.
    pub(super) fn take_unwritten(&self) -> Option<Saved> {
        let mut state = self.state();
        if !self.durable || !std::mem::take(&mut state.dirty) {
            return None;
        }
        let saved = state.window.as_ref().map(Window::save)?;
        if state.written.as_ref() == Some(&saved) {
            return None;
        }
        state.written = Some(saved.clone());
        Some(saved)
    }

    /// What [`Self::take_unwritten`] answered could not be written.
    pub(super) fn not_written(&self) {
        let mut state = self.state();
        state.written = None;
        state.dirty = true;
    }
}

/// How long until an unacknowledged message comes again, by the settings.
pub(super) fn redelivery(shared: &Shared) -> Redelivery {
    Redelivery { timeout: shared.config.redelivery_timeout, delay: shared.config.redelivery_delay }
}
