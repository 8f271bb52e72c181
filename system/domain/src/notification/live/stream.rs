//! One stream of one client.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::hub::Place;
use crate::backoff::Backoff;
use crate::model::UserId;
use crate::notification::model::{InboxPosition, Notification};
use crate::notification::ports::NotificationPorts;
use crate::ports::InboxChanges;

/// How often a stream asks the store without having been told of anything: what the bus lost is late by this.
pub const STREAM_POLL_EVERY: Duration = Duration::from_secs(15);
/// How many notifications a stream reads at a time.
const CHANGES_PER_READ_MAX: u32 = 100;

/// What a stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    /// A notification is new, or was read: as it is now.
    Notification {
        /// A client that comes back with this position gets what follows.
        position: InboxPosition,
        /// The notification.
        notification: Notification,
    },
    /// How many the user has not read: at the start of a stream, and when it changed.
    Unread {
        /// As above.
        position: InboxPosition,
        /// How many.
        unread: u64,
    },
    /// The position that the client came with means nothing here (the store was put back): it must load its list again.
    Reset {
        /// From where the stream goes on.
        position: InboxPosition,
    },
}

/// A stream of what happens in a user's inbox.
pub struct LiveStream {
    ports: NotificationPorts,
    place: Place,
    user: UserId,
    position: Option<InboxPosition>,
    told_unread: Option<u64>,
    ready: VecDeque<LiveEvent>,
    /// When the store is asked again, whoever tells of anything or not. Kept over calls: who interrupts each one before
    /// its end, to show that the stream lives, would never come to it.
    ask_at: Instant,
}

impl LiveStream {
    pub(super) fn new(ports: NotificationPorts, place: Place, user: UserId, position: Option<InboxPosition>) -> Self {
        Self { ports, place, user, position, told_unread: None, ready: VecDeque::new(), ask_at: Instant::now() }
    }

    /// The next event; waits for one. Cancel-safe. While the store cannot be reached, it waits.
    pub async fn next(&mut self) -> LiveEvent {
        let mut backoff = Backoff::default();
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            if Instant::now() < self.ask_at {
                tokio::select! {
                    biased;
                    () = self.place.wake.woken() => {}
                    () = tokio::time::sleep_until(self.ask_at) => {}
                }
            }
            // Should the call be dropped from here on, it is made again.
            self.ask_at = Instant::now();
            match self.ports.store.changes(self.user, self.position, CHANGES_PER_READ_MAX).await {
                Ok(changes) => {
                    backoff.reset();
                    self.take(changes);
                }
                Err(error) => {
                    tracing::debug!(%error, "an inbox cannot be read for its stream");
                    backoff.wait(&*self.ports.rng).await;
                }
            }
        }
    }

    fn take(&mut self, changes: InboxChanges) {
        if self.position.is_some_and(|position| position > changes.position) {
            self.ready.push_back(LiveEvent::Reset { position: changes.position });
        }
        let told = changes.items.into_iter();
        self.ready.extend(told.map(|(position, notification)| LiveEvent::Notification { position, notification }));
        if !changes.more && self.told_unread != Some(changes.unread) {
            self.told_unread = Some(changes.unread);
            self.ready.push_back(LiveEvent::Unread { position: changes.position, unread: changes.unread });
        }
        self.position = Some(changes.position);
        self.ask_at = Instant::now() + if changes.more { Duration::ZERO } else { STREAM_POLL_EVERY };
    }
}
