//! Accepting: what an event or a request leads to, stored whole and once.

use async_trait::async_trait;

use super::NotificationStoreError;
use crate::model::{EventId, UserId};
use crate::notification::model::{
    Body, ChannelSet, DeviceFilter, MailItem, NotificationId, NotificationType, StoredAttachment, Title,
};
use crate::ports::{IdempotencyKey, IdempotencyRecord};

/// The mail of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailFor {
    /// Not one of the channels.
    None,
    /// It is to be rendered and sent.
    Item(MailItem),
    /// There is nowhere to send it to: the delivery log says why.
    Nowhere(String),
}

/// What one user gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForUser {
    /// The user.
    pub user_id: UserId,
    /// The id of the notification, if it is a new one.
    pub id: NotificationId,
    /// What it says first.
    pub title: Title,
    /// What it says.
    pub body: Body,
    /// Why.
    pub kind: NotificationType,
    /// Over which channels. With `PushNotification` each device of the user becomes an intent, in the same transaction.
    pub channels: ChannelSet,
    /// To which of the devices.
    pub devices: DeviceFilter,
    /// With `Email`: the mail.
    pub mail: MailFor,
}

/// What an event, or a request, leads to. All of it is written, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// With the user it names each part: what was accepted under it before is not accepted again.
    pub event_id: EventId,
    /// What each user gets; a user comes once.
    pub users: Vec<ForUser>,
    /// The files that their mails name.
    pub attachments: Vec<StoredAttachment>,
    /// The answer to keep, where the caller named the request.
    pub idempotency: Option<IdempotencyRecord>,
}

/// What stands under one user of an acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedUser {
    /// The user.
    pub user_id: UserId,
    /// The notification: the one that was accepted first under this event.
    pub id: NotificationId,
    /// Whether it was accepted now.
    pub is_new: bool,
    /// How many devices the push goes to.
    pub devices: u32,
}

/// What stands after an acceptance, in the order of its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// One for each user.
    pub users: Vec<AcceptedUser>,
}

/// Mails that belong to no notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEnqueue {
    /// Names them: what was enqueued under it before is not enqueued again.
    pub key: EventId,
    /// The mails.
    pub items: Vec<MailItem>,
    /// Their files.
    pub attachments: Vec<StoredAttachment>,
}

/// What is accepted.
#[async_trait]
pub trait Acceptances: Send + Sync + 'static {
    /// Writes, for each user of which nothing was accepted under the event before: the notification (in the inbox, if
    /// `InApp` is among the channels) and its [deliveries](ForUser::deliveries); the files, if there is such a user; and
    /// the answer to keep.
    ///
    /// # Errors
    /// [`IdempotencyKeyTaken`](NotificationStoreError::IdempotencyKeyTaken), [`Full`](NotificationStoreError::Full) where
    /// there is no room for the files, or the store's: then it may have been written.
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError>;

    /// Writes the files, and a mail intent for each item of which none was written under this key and place before.
    /// Answers how many were new.
    ///
    /// # Errors
    /// [`Full`](NotificationStoreError::Full) where there is no room for the files, or the store's: then it may have been
    /// written.
    async fn enqueue_mails(&self, mails: MailEnqueue) -> Result<u32, NotificationStoreError>;

    /// The answer kept under `key`, unless it expired.
    ///
    /// # Errors
    /// The store's.
    async fn answer(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, NotificationStoreError>;
}
