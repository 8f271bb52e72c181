//! NotificationManager: the in-app channel.

use coherence::Timestamp;

use super::error::NotificationError;
use super::live::{LiveHub, LiveStream};
use super::model::{InboxPosition, Notification, NotificationId};
use super::ports::Shared;
use crate::model::{TAKE_MAX, UserId};
use crate::ports::{InboxPage, InboxQuery, InboxStart};

/// The most notifications that can be skipped; further pages are reached by cursor.
pub const INBOX_SKIP_MAX: u32 = 100_000;

/// The use cases of the in-app channel. Everything is the caller's own. Clones share everything.
#[doc(alias = "NotificationManagerService")]
#[derive(Clone)]
pub struct NotificationManager {
    shared: Shared,
    hub: LiveHub,
}

impl NotificationManager {
    /// Over these parts; `hub` has the streams of this instance.
    pub fn new(shared: Shared, hub: LiveHub) -> Self {
        Self { shared, hub }
    }

    /// One page, newest first.
    ///
    /// # Errors
    /// [`Invalid`](NotificationError::Invalid), if it asks for too much; the store's.
    pub async fn list(&self, user: UserId, start: InboxStart, take: u32) -> Result<InboxPage, NotificationError> {
        if !(1..=TAKE_MAX).contains(&take) {
            return Err(NotificationError::field("take", format!("must be a whole number from 1 to {TAKE_MAX}")));
        }
        if matches!(start, InboxStart::Skip(skip) if skip > INBOX_SKIP_MAX) {
            return Err(NotificationError::field("skip", format!("must be a whole number from 0 to {INBOX_SKIP_MAX}")));
        }
        Ok(self.shared.ports.store.list(&InboxQuery { user_id: user, start, take }).await?)
    }

    /// Marks one as read. Marking it again changes nothing.
    ///
    /// # Errors
    /// [`NotFound`](NotificationError::NotFound), also if it is another user's; the store's.
    pub async fn read(&self, user: UserId, id: NotificationId) -> Result<Notification, NotificationError> {
        let read = self.shared.ports.store.read(user, id, self.shared.ports.clock.now()).await?;
        let read = read.ok_or(NotificationError::NotFound)?;
        self.shared.live.changed(user);
        Ok(read)
    }

    /// Marks all as read that were stored up to `until`, or up to now; answers how many that were. What comes while it
    /// runs stays unread.
    ///
    /// # Errors
    /// The store's.
    pub async fn read_all(&self, user: UserId, until: Option<Timestamp>) -> Result<u64, NotificationError> {
        let now = self.shared.ports.clock.now();
        let read = self.shared.ports.store.read_all(user, until.map_or(now, |until| until.min(now)), now).await?;
        if read > 0 {
            self.shared.live.changed(user);
        }
        Ok(read)
    }

    /// How many are not read.
    ///
    /// # Errors
    /// The store's.
    pub async fn unread_count(&self, user: UserId) -> Result<u64, NotificationError> {
        Ok(self.shared.ports.store.unread(user).await?)
    }

    /// A stream of what happens from now on, or after `after`.
    ///
    /// # Errors
    /// [`Busy`](NotificationError::Busy), if the user, or the instance, has too many streams.
    pub fn stream(&self, user: UserId, after: Option<InboxPosition>) -> Result<LiveStream, NotificationError> {
        self.hub.open(&self.shared.ports, user, after)
    }
}
