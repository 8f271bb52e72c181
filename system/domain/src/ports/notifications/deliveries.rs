//! What became of notifications.

use async_trait::async_trait;
use coherence::Timestamp;

use super::NotificationStoreError;
use crate::model::UserId;
use crate::notification::model::{Delivery, DeliveryId, NotificationId};

/// How many deliveries one [`Resend::Since`] takes up.
pub const RESEND_MAX: u32 = 10_000;

/// The deliveries of a notification, in the order of the channels and the devices' ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLog {
    /// Whose notification it is.
    pub user_id: UserId,
    /// The deliveries; that of the in-app channel is `sent` from the start.
    pub deliveries: Vec<Delivery>,
}

/// Which deliveries are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// This one, if it failed or its fate is unknown.
    One(DeliveryId),
    /// Those that failed at this time or later, what failed first first, at most [`RESEND_MAX`]. Not those whose fate is
    /// unknown: they may have arrived, so a person looks at each.
    Since(Timestamp),
}

/// What waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Pushes to send.
    pub pushes: u64,
    /// Mails to render.
    pub mail_intents: u64,
    /// Mails to send.
    pub mails: u64,
    /// Mails whose fate is unknown, held for a person.
    pub unknown: u64,
    /// When the oldest of all that waits was accepted.
    pub oldest: Option<Timestamp>,
}

/// How many rows were forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotificationsPruned {
    /// Notifications in inboxes.
    pub notifications: u64,
    /// Deliveries, with their mails.
    pub deliveries: u64,
    /// What told that an event was accepted.
    pub acceptances: u64,
    /// Kept answers.
    pub answers: u64,
    /// Files.
    pub attachments: u64,
}

/// What became of notifications.
#[async_trait]
pub trait Deliveries: Send + Sync + 'static {
    /// The deliveries of a notification; `None`: there is no such notification, or none any more.
    ///
    /// # Errors
    /// The store's.
    async fn deliveries(&self, id: NotificationId) -> Result<Option<DeliveryLog>, NotificationStoreError>;

    /// Makes deliveries due again, with no attempts behind them; answers how many.
    ///
    /// # Errors
    /// The store's; they may be due.
    async fn resend(&self, which: Resend) -> Result<u64, NotificationStoreError>;

    /// What waits.
    ///
    /// # Errors
    /// The store's.
    async fn backlog(&self) -> Result<Backlog, NotificationStoreError>;

    /// Forgets final deliveries and their mails from before `deliveries_before`, notifications from before
    /// `inbox_before`, acceptances without deliveries from before `acceptances_before`, answers that expired, and files
    /// that no mail names (those of mails that are sent go with the last of these). Only so much at a time as keeps nobody waiting: call it again while it forgets anything.
    ///
    /// # Errors
    /// The store's; some may be forgotten.
    async fn prune(
        &self,
        deliveries_before: Timestamp,
        inbox_before: Timestamp,
        acceptances_before: Timestamp,
    ) -> Result<NotificationsPruned, NotificationStoreError>;
}
