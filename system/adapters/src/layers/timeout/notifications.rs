//! The store of notifications with a deadline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::Timestamp;
use domain::model::{CompanyId, UnitId, UserId};
use domain::notification::model::{
    AttachmentId, ClaimId, DeliveryId, Device, DeviceId, Directory, InboxPosition, MailAddress, Notification,
    NotificationId, Preference, StoredAttachment, UnitEntry, UserEntry,
};
use domain::ports::{
    Acceptance, Acceptances, Accepted, Backlog, Claim, ClaimedMails, ClaimedWork, Deliveries, DeliveryLog, Devices,
    IdempotencyKey, IdempotencyRecord, Inbox, InboxChanges, InboxPage, InboxQuery, MailEnqueue, MailIntent,
    MailIntents, MailProgress, MailQueue, MailsToQueue, NotificationStore, NotificationStoreError, NotificationsPruned,
    PushIntent, PushIntents, PushReport, Recipient, Recipients, Registered, Resend, Suppression, SuppressionReason,
};

use super::deadline::within;

/// A store of notifications whose every call ends by the deadline.
pub struct TimeoutNotifications {
    inner: Arc<dyn NotificationStore>,
    deadline: Duration,
}

impl TimeoutNotifications {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn NotificationStore>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }
}

#[async_trait]
impl Acceptances for TimeoutNotifications {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError> {
        within(self.deadline, self.inner.accept(acceptance)).await
    }

    async fn enqueue_mails(&self, mails: MailEnqueue) -> Result<u32, NotificationStoreError> {
        within(self.deadline, self.inner.enqueue_mails(mails)).await
    }

    async fn answer(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, NotificationStoreError> {
        within(self.deadline, self.inner.answer(key)).await
    }
}

#[async_trait]
impl Inbox for TimeoutNotifications {
    async fn list(&self, query: &InboxQuery) -> Result<InboxPage, NotificationStoreError> {
        within(self.deadline, self.inner.list(query)).await
    }

    async fn read(
        &self,
        user: UserId,
        id: NotificationId,
        at: Timestamp,
    ) -> Result<Option<Notification>, NotificationStoreError> {
        within(self.deadline, self.inner.read(user, id, at)).await
    }

    async fn read_all(&self, user: UserId, until: Timestamp, at: Timestamp) -> Result<u64, NotificationStoreError> {
        within(self.deadline, self.inner.read_all(user, until, at)).await
    }

    async fn unread(&self, user: UserId) -> Result<u64, NotificationStoreError> {
        within(self.deadline, self.inner.unread(user)).await
    }

    async fn changes(
        &self,
        user: UserId,
        after: Option<InboxPosition>,
        limit: u32,
    ) -> Result<InboxChanges, NotificationStoreError> {
        within(self.deadline, self.inner.changes(user, after, limit)).await
    }
}

#[async_trait]
impl Devices for TimeoutNotifications {
    async fn register(&self, device: Device) -> Result<Registered, NotificationStoreError> {
        within(self.deadline, self.inner.register(device)).await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, NotificationStoreError> {
        within(self.deadline, self.inner.devices(user)).await
    }

    async fn remove(&self, user: UserId, id: DeviceId) -> Result<bool, NotificationStoreError> {
        within(self.deadline, self.inner.remove(user, id)).await
    }
}

#[async_trait]
impl Recipients for TimeoutNotifications {
    async fn preferences(&self, user: UserId) -> Result<Vec<Preference>, NotificationStoreError> {
        within(self.deadline, self.inner.preferences(user)).await
    }

    async fn set_preferences(&self, user: UserId, preferences: Vec<Preference>) -> Result<(), NotificationStoreError> {
        within(self.deadline, self.inner.set_preferences(user, preferences)).await
    }

    async fn recipients(
        &self,
        company: CompanyId,
        unit: Option<UnitId>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Recipient>, NotificationStoreError> {
        within(self.deadline, self.inner.recipients(company, unit, after, limit)).await
    }

    async fn upsert_directory(
        &self,
        users: Vec<UserEntry>,
        units: Vec<UnitEntry>,
    ) -> Result<(), NotificationStoreError> {
        within(self.deadline, self.inner.upsert_directory(users, units)).await
    }

    async fn directory(&self, users: &[UserId], unit: Option<UnitId>) -> Result<Directory, NotificationStoreError> {
        within(self.deadline, self.inner.directory(users, unit)).await
    }
}

#[async_trait]
impl PushIntents for TimeoutNotifications {
    async fn claim_pushes(&self, claim: Claim) -> Result<ClaimedWork<PushIntent>, NotificationStoreError> {
        within(self.deadline, self.inner.claim_pushes(claim)).await
    }

    async fn report_pushes(
        &self,
        claim: ClaimId,
        reports: Vec<PushReport>,
    ) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        within(self.deadline, self.inner.report_pushes(claim, reports)).await
    }
}

#[async_trait]
impl MailIntents for TimeoutNotifications {
    async fn claim_mail_intents(&self, claim: Claim) -> Result<ClaimedWork<MailIntent>, NotificationStoreError> {
        within(self.deadline, self.inner.claim_mail_intents(claim)).await
    }

    async fn queue_mails(&self, mails: MailsToQueue) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        within(self.deadline, self.inner.queue_mails(mails)).await
    }
}

#[async_trait]
impl MailQueue for TimeoutNotifications {
    async fn claim_mails(&self, claim: Claim) -> Result<ClaimedMails, NotificationStoreError> {
        within(self.deadline, self.inner.claim_mails(claim)).await
    }

    async fn progress_mails(&self, progress: MailProgress) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        within(self.deadline, self.inner.progress_mails(progress)).await
    }

    async fn attachments(&self, ids: &[AttachmentId]) -> Result<Vec<StoredAttachment>, NotificationStoreError> {
        within(self.deadline, self.inner.attachments(ids)).await
    }

    async fn release(&self, claim: ClaimId) -> Result<(), NotificationStoreError> {
        within(self.deadline, self.inner.release(claim)).await
    }

    async fn suppress(&self, address: &MailAddress, reason: SuppressionReason) -> Result<(), NotificationStoreError> {
        within(self.deadline, self.inner.suppress(address, reason)).await
    }

    async fn unsuppress(&self, address: &MailAddress) -> Result<bool, NotificationStoreError> {
        within(self.deadline, self.inner.unsuppress(address)).await
    }

    async fn suppressions(&self, limit: u32) -> Result<Vec<Suppression>, NotificationStoreError> {
        within(self.deadline, self.inner.suppressions(limit)).await
    }

    async fn unsubscribe(&self, token: &str) -> Result<bool, NotificationStoreError> {
        within(self.deadline, self.inner.unsubscribe(token)).await
    }
}

#[async_trait]
impl Deliveries for TimeoutNotifications {
    async fn deliveries(&self, id: NotificationId) -> Result<Option<DeliveryLog>, NotificationStoreError> {
        within(self.deadline, self.inner.deliveries(id)).await
    }

    async fn resend(&self, which: Resend) -> Result<u64, NotificationStoreError> {
        within(self.deadline, self.inner.resend(which)).await
    }

    async fn backlog(&self) -> Result<Backlog, NotificationStoreError> {
        within(self.deadline, self.inner.backlog()).await
    }

    async fn prune(
        &self,
        deliveries_before: Timestamp,
        inbox_before: Timestamp,
        acceptances_before: Timestamp,
    ) -> Result<NotificationsPruned, NotificationStoreError> {
        within(self.deadline, self.inner.prune(deliveries_before, inbox_before, acceptances_before)).await
    }
}
