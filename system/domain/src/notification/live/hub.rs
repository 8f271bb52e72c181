//! The open streams of one instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::stream::LiveStream;
use crate::model::UserId;
use crate::notification::error::NotificationError;
use crate::notification::model::InboxPosition;
use crate::notification::ports::NotificationPorts;
use crate::wake::Wake;

/// The most streams that one user may have open on one instance.
pub const STREAMS_PER_USER_MAX: usize = 16;
/// The most streams of one instance.
pub const STREAMS_MAX: usize = 20_000;
/// How many users may wait to be told of to the other instances; beyond, their streams there learn of it by asking.
const UNTOLD_MAX: usize = 100_000;

/// Is told that a user's inbox changed.
pub trait Announce: Send + Sync + 'static {
    /// The inbox changed; it is in the store already.
    fn changed(&self, user: UserId);
}

#[derive(Default)]
struct State {
    streams: BTreeMap<UserId, BTreeMap<u64, Wake>>,
    open: usize,
    last: u64,
    /// Whose change the other instances do not know of yet.
    untold: BTreeSet<UserId>,
}

/// The streams of one instance, and what it has to tell the others. Clones share everything.
#[derive(Clone, Default)]
pub struct LiveHub {
    state: Arc<Mutex<State>>,
    pub(super) wake: Wake,
}

/// A place among the open streams; free again when it is dropped.
pub(super) struct Place {
    hub: LiveHub,
    user: UserId,
    number: u64,
    pub(super) wake: Wake,
}

impl LiveHub {
    /// No stream yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream of what happens in the user's inbox: from now on, or after `after`.
    ///
    /// # Errors
    /// [`Busy`](NotificationError::Busy), if there are too many.
    pub fn open(
        &self,
        ports: &NotificationPorts,
        user: UserId,
        after: Option<InboxPosition>,
    ) -> Result<LiveStream, NotificationError> {
        let mut state = self.state();
        let of_user = state.streams.get(&user).map_or(0, BTreeMap::len);
        if of_user >= STREAMS_PER_USER_MAX || state.open >= STREAMS_MAX {
            return Err(NotificationError::Busy);
        }
        let (number, wake) = (state.last + 1, Wake::new());
        (state.last, state.open) = (number, state.open + 1);
        state.streams.entry(user).or_default().insert(number, wake.clone());
        drop(state);
        Ok(LiveStream::new(ports.clone(), Place { hub: self.clone(), user, number, wake }, user, after))
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> usize {
        self.state().open
    }

    /// Wakes the streams of a user.
    pub(super) fn wake_user(&self, user: UserId) {
        self.state().streams.get(&user).into_iter().flat_map(BTreeMap::values).for_each(Wake::wake);
    }

    /// Wakes all streams: something may have been missed.
    pub(super) fn wake_all(&self) {
        self.state().streams.values().flat_map(BTreeMap::values).for_each(Wake::wake);
    }

    /// One whom the other instances do not know of yet.
    pub(super) fn next_untold(&self) -> Option<UserId> {
        self.state().untold.pop_first()
    }

    /// The other instances could not be told.
    pub(super) fn still_untold(&self, user: UserId) {
        let mut state = self.state();
        if state.untold.len() < UNTOLD_MAX {
            state.untold.insert(user);
        }
    }
}

impl Announce for LiveHub {
    fn changed(&self, user: UserId) {
        self.wake_user(user);
        self.still_untold(user);
        self.wake.wake();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        if let Some(streams) = state.streams.get_mut(&self.user) {
            streams.remove(&self.number);
            if streams.is_empty() {
                state.streams.remove(&self.user);
            }
            state.open -= 1;
        }
    }
}
