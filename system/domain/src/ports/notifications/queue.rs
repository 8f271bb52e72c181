//! The mail queue (`NheaMailQueue`), and who is not written to.

use std::time::Duration;

use async_trait::async_trait;
use coherence::Timestamp;

use super::{Claim, NotificationStoreError};
use crate::notification::model::{AttachmentId, ClaimId, DeliveryId, MailAddress, StoredAttachment};
use crate::ports::{TemplateId, UnknownPolicy};

/// One mail to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailToSend {
    /// The row.
    pub id: DeliveryId,
    /// Where it goes.
    pub to: MailAddress,
    /// Whom it addresses.
    pub to_name: Option<String>,
    /// Its subject.
    pub subject: String,
    /// Its template.
    pub template: TemplateId,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Its files.
    pub attachments: Vec<AttachmentId>,
    /// What becomes of it if nobody knows whether it was sent.
    pub on_unknown: UnknownPolicy,
    /// The token that ends mails to this address.
    pub unsubscribe_token: String,
    /// How often it was tried before this claim.
    pub attempts: u32,
    /// Since when it waits: when it was accepted, or when a person last sent it again. Its age counts from here.
    pub waits_since: Timestamp,
}

/// What a claim of the queue got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMails {
    /// The mails, what was due first first.
    pub mails: Vec<MailToSend>,
    /// If there were fewer than wanted: when more are due, unless some are queued before. `None`: none wait.
    pub next_due: Option<Duration>,
    /// How many were found whose sender went away between telling so and knowing more, and are held for a person now.
    pub held: u32,
}

/// What came of one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    /// The mail server has it.
    Sent,
    /// It was not taken: another time, so much later.
    Retry {
        /// From now.
        after: Duration,
        /// Why.
        error: String,
    },
    /// It is given up.
    Failed {
        /// Why.
        error: String,
        /// Whether it is the recipient that is refused for good: nothing is sent to that address any more.
        suppress: bool,
    },
    /// Nobody knows whether the mail server has it. Held for a person; sent again after a while, where its template says so.
    Unknown {
        /// What is known.
        error: String,
        /// If it is sent again: so much later.
        after: Duration,
    },
}

/// What came of one mail of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReport {
    /// The row.
    pub id: DeliveryId,
    /// How often it was tried, in all.
    pub attempts: u32,
    /// What came of it.
    pub outcome: MailOutcome,
}

/// One step of a sender: what came of the last mails, and which ones it turns to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailProgress {
    /// The claim.
    pub claim: ClaimId,
    /// What came of mails.
    pub reports: Vec<MailReport>,
    /// Mails that are about to be handed to the mail server: that is written down before it is done.
    pub sending: Vec<DeliveryId>,
}

/// Why an address is not written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuppressionReason {
    /// A mail server refused it for good.
    Refused,
    /// Its owner wants no more mails.
    Unsubscribed,
}

/// An address that is not written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The address, folded.
    pub address: String,
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: Timestamp,
}

/// A place in the list of suppressed addresses: after this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionCursor {
    /// Since when it is suppressed.
    pub since: Timestamp,
    /// The address, folded, which breaks ties.
    pub address: String,
}

/// The mail queue.
#[async_trait]
pub trait MailQueue: Send + Sync + 'static {
    /// Claims mails that are due and that nobody holds. First: those that stand as `sending` and whose claim's life is over
    /// become `unknown`, or are due again, as their template says; those to suppressed addresses become `suppressed`.
    ///
    /// # Errors
    /// The store's; they may have been claimed, and are free again when the claim's life is over.
    async fn claim_mails(&self, claim: Claim) -> Result<ClaimedMails, NotificationStoreError>;

    /// Writes what came of mails, and marks others as `sending`, both of this claim only, in one transaction. Answers which
    /// of `sending` may go. A file whose last mail is sent is forgotten: it is not needed again.
    ///
    /// # Errors
    /// The store's; it may have been written. To report the same again is no harm.
    async fn progress_mails(&self, progress: MailProgress) -> Result<Vec<DeliveryId>, NotificationStoreError>;

    /// The files of these ids, in their order; those that are gone are left out.
    ///
    /// # Errors
    /// The store's.
    async fn attachments(&self, ids: &[AttachmentId]) -> Result<Vec<StoredAttachment>, NotificationStoreError>;

    /// Gives up a claim, of pushes or mails: what it holds is free at once. What stands as `sending` is not touched.
    ///
    /// # Errors
    /// The store's; the claim ends by itself then.
    async fn release(&self, claim: ClaimId) -> Result<(), NotificationStoreError>;

    /// Sends nothing to this address any more. One that is suppressed already keeps its reason, but `Unsubscribed` goes over
    /// `Refused`: an address that works again is not one whose owner wants mails.
    ///
    /// # Errors
    /// The store's.
    async fn suppress(&self, address: &MailAddress, reason: SuppressionReason) -> Result<(), NotificationStoreError>;

    /// Writes to the address again; `false`: it was not suppressed.
    ///
    /// # Errors
    /// The store's.
    async fn unsuppress(&self, address: &MailAddress) -> Result<bool, NotificationStoreError>;

    /// The suppressed addresses, the last one first, those of one time by their letters, at most `limit`; after a place, if
    /// one is named.
    ///
    /// # Errors
    /// The store's.
    async fn suppressions(
        &self,
        after: Option<SuppressionCursor>,
        limit: u32,
    ) -> Result<Vec<Suppression>, NotificationStoreError>;

    /// Ends mails to the address that this token was made for, as [`suppress`](Self::suppress) does; `false`: there is
    /// no such token. May be repeated.
    ///
    /// # Errors
    /// The store's.
    async fn unsubscribe(&self, token: &str) -> Result<bool, NotificationStoreError>;
}
