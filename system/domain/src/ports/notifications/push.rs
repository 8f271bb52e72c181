//! Pushes to send.

use std::time::Duration;

use async_trait::async_trait;
use coherence::Timestamp;

use super::{Claim, ClaimedWork, NotificationStoreError};
use crate::model::EventId;
use crate::notification::model::{Body, ClaimId, DeliveryId, Device, NotificationId, NotificationType, Title};

/// One push to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushIntent {
    /// Its delivery.
    pub id: DeliveryId,
    /// Of which notification.
    pub notification_id: NotificationId,
    /// Of which event.
    pub event_id: EventId,
    /// What it says first.
    pub title: Title,
    /// What it says.
    pub body: Body,
    /// Why.
    pub kind: NotificationType,
    /// To which device, as it is now.
    pub device: Device,
    /// How often it was tried before this claim.
    pub attempts: u32,
    /// Since when it waits: when it was accepted, or when a person last sent it again. Its age counts from here.
    pub waits_since: Timestamp,
}

/// What came of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The push service has it.
    Sent,
    /// Another time, so much later.
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
    },
    /// The device is gone: it is forgotten.
    Removed {
        /// What the push service said.
        error: String,
    },
    /// The device is bound to another sender: the push failed, and nothing is sent to it until it registers again.
    MustResubscribe {
        /// What the push service said.
        error: String,
    },
}

/// What came of one push of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushReport {
    /// The delivery.
    pub id: DeliveryId,
    /// How often it was tried, in all.
    pub attempts: u32,
    /// What came of it.
    pub outcome: PushOutcome,
}

/// Pushes to send.
#[async_trait]
pub trait PushIntents: Send + Sync + 'static {
    /// Claims pushes that are due and that nobody holds. Those whose device is gone, or must subscribe again, are not
    /// handed out but resolved: removed, skipped.
    ///
    /// # Errors
    /// The store's; they may have been claimed, and are free again when the claim's life is over.
    async fn claim_pushes(&self, claim: Claim) -> Result<ClaimedWork<PushIntent>, NotificationStoreError>;

    /// Writes what came of pushes of a claim. Answers those that are not this claim's any more: nothing was written of
    /// them.
    ///
    /// # Errors
    /// The store's; it may have been written. To report the same again is no harm.
    async fn report_pushes(
        &self,
        claim: ClaimId,
        reports: Vec<PushReport>,
    ) -> Result<Vec<DeliveryId>, NotificationStoreError>;
}
