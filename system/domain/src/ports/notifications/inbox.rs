//! The in-app channel.

use async_trait::async_trait;
use coherence::Timestamp;

use super::NotificationStoreError;
use crate::model::UserId;
use crate::notification::model::{InboxCursor, InboxPosition, Notification, NotificationId};

/// Where a page starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxStart {
    /// After this many items.
    Skip(u32),
    /// After this item.
    After(InboxCursor),
}

/// Which page of a user's notifications. Order: `createdAt` descending, then the id descending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxQuery {
    /// Whose.
    pub user_id: UserId,
    /// Where the page starts.
    pub start: InboxStart,
    /// At most this many items.
    pub take: u32,
}

/// One page, read in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxPage {
    /// How many notifications the user has.
    pub total: u64,
    /// The page's items.
    pub items: Vec<Notification>,
    /// Whether items follow this page.
    pub more: bool,
}

/// What happened in a user's inbox after a position, read in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxChanges {
    /// The notifications that are new or were read, as they are now, each with the position of its last change; in the
    /// order of these.
    pub items: Vec<(InboxPosition, Notification)>,
    /// Up to where this answer tells all.
    pub position: InboxPosition,
    /// Whether more follows.
    pub more: bool,
    /// How many notifications the user has not read.
    pub unread: u64,
}

/// The in-app channel.
#[async_trait]
pub trait Inbox: Send + Sync + 'static {
    /// One page.
    ///
    /// # Errors
    /// The store's.
    async fn list(&self, query: &InboxQuery) -> Result<InboxPage, NotificationStoreError>;

    /// Marks a notification as read, at `at`, unless it is already; answers it as it is then. `None`: the user has no such
    /// notification.
    ///
    /// # Errors
    /// The store's; it may have been marked.
    async fn read(
        &self,
        user: UserId,
        id: NotificationId,
        at: Timestamp,
    ) -> Result<Option<Notification>, NotificationStoreError>;

    /// Marks what was stored up to `until` as read, at `at`; answers how many that were.
    ///
    /// # Errors
    /// The store's; some, or all, may have been marked.
    async fn read_all(&self, user: UserId, until: Timestamp, at: Timestamp) -> Result<u64, NotificationStoreError>;

    /// How many notifications the user has not read.
    ///
    /// # Errors
    /// The store's.
    async fn unread(&self, user: UserId) -> Result<u64, NotificationStoreError>;

    /// What happened after `after`, at most `limit` notifications; with `None` nothing, but where the user's inbox stands.
    ///
    /// # Errors
    /// The store's.
    async fn changes(
        &self,
        user: UserId,
        after: Option<InboxPosition>,
        limit: u32,
    ) -> Result<InboxChanges, NotificationStoreError>;
}
