//! Mails to render, and their way into the queue.

use async_trait::async_trait;
use coherence::Timestamp;

use super::{Claim, ClaimedWork, NotificationStoreError};
use crate::notification::model::{ClaimId, DeliveryId, MailItem};
use crate::ports::{RenderedMail, UnknownPolicy};

/// One mail to render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailIntent {
    /// Its delivery.
    pub id: DeliveryId,
    /// The mail.
    pub item: MailItem,
    /// Since when it waits: when it was accepted, or when a person last sent it again. Its age counts from here.
    pub waits_since: Timestamp,
}

/// One row for the mail queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// The delivery; the id of the row, too.
    pub id: DeliveryId,
    /// The mail's parts.
    pub rendered: RenderedMail,
    /// What becomes of it if nobody knows whether it was sent.
    pub on_unknown: UnknownPolicy,
    /// The token that ends mails to this address, if the address has none yet. Nobody can guess it.
    pub unsubscribe_token: String,
}

/// A batch for the mail queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailsToQueue {
    /// The claim whose mails they are.
    pub claim: ClaimId,
    /// What goes into the queue.
    pub rows: Vec<QueuedMail>,
    /// What cannot be rendered, and why.
    pub failed: Vec<(DeliveryId, String)>,
}

/// Mails to render.
#[async_trait]
pub trait MailIntents: Send + Sync + 'static {
    /// Claims mails that nobody holds.
    ///
    /// # Errors
    /// The store's; they may have been claimed, and are free again when the claim's life is over.
    async fn claim_mail_intents(&self, claim: Claim) -> Result<ClaimedWork<MailIntent>, NotificationStoreError>;

    /// Puts the rows into the queue by one statement, and takes their intents away; all in one transaction. Answers those
    /// that are not this claim's any more: nothing was written of them.
    ///
    /// # Errors
    /// The store's; it may have been written. To queue the same again is no harm.
    async fn queue_mails(&self, mails: MailsToQueue) -> Result<Vec<DeliveryId>, NotificationStoreError>;
}
