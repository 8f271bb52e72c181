//! The store of notifications with counts.

use std::sync::Arc;

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

use super::call::{Meter, metered};

/// A store of notifications that tells a meter of every call.
pub struct MeterNotifications {
    inner: Arc<dyn NotificationStore>,
    meter: Arc<dyn Meter>,
}

impl MeterNotifications {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn NotificationStore>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl Acceptances for MeterNotifications {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError> {
        metered(&*self.meter, "notifications", "accept", self.inner.accept(acceptance)).await
    }

    async fn enqueue_mails(&self, mails: MailEnqueue) -> Result<u32, NotificationStoreError> {
        metered(&*self.meter, "notifications", "enqueue_mails", self.inner.enqueue_mails(mails)).await
    }

    async fn answer(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "answer", self.inner.answer(key)).await
    }
}

#[async_trait]
impl Inbox for MeterNotifications {
    async fn list(&self, query: &InboxQuery) -> Result<InboxPage, NotificationStoreError> {
        metered(&*self.meter, "notifications", "list", self.inner.list(query)).await
    }

    async fn read(
        &self,
        user: UserId,
        id: NotificationId,
        at: Timestamp,
    ) -> Result<Option<Notification>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "read", self.inner.read(user, id, at)).await
    }

    async fn read_all(&self, user: UserId, until: Timestamp, at: Timestamp) -> Result<u64, NotificationStoreError> {
        metered(&*self.meter, "notifications", "read_all", self.inner.read_all(user, until, at)).await
    }

    async fn unread(&self, user: UserId) -> Result<u64, NotificationStoreError> {
        metered(&*self.meter, "notifications", "unread", self.inner.unread(user)).await
    }

    async fn changes(
        &self,
        user: UserId,
        after: Option<InboxPosition>,
        limit: u32,
    ) -> Result<InboxChanges, NotificationStoreError> {
        metered(&*self.meter, "notifications", "changes", self.inner.changes(user, after, limit)).await
    }
}

#[async_trait]
impl Devices for MeterNotifications {
    async fn register(&self, device: Device) -> Result<Registered, NotificationStoreError> {
        metered(&*self.meter, "notifications", "register", self.inner.register(device)).await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "devices", self.inner.devices(user)).await
    }

    async fn remove(&self, user: UserId, id: DeviceId) -> Result<bool, NotificationStoreError> {
        metered(&*self.meter, "notifications", "remove", self.inner.remove(user, id)).await
    }
}

#[async_trait]
impl Recipients for MeterNotifications {
    async fn preferences(&self, user: UserId) -> Result<Vec<Preference>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "preferences", self.inner.preferences(user)).await
    }

    async fn set_preferences(&self, user: UserId, preferences: Vec<Preference>) -> Result<(), NotificationStoreError> {
        metered(&*self.meter, "notifications", "set_preferences", self.inner.set_preferences(user, preferences)).await
    }

    async fn recipients(
        &self,
        company: CompanyId,
        unit: Option<UnitId>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Recipient>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "recipients", self.inner.recipients(company, unit, after, limit)).await
    }

    async fn upsert_directory(
        &self,
        users: Vec<UserEntry>,
        units: Vec<UnitEntry>,
    ) -> Result<(), NotificationStoreError> {
        metered(&*self.meter, "notifications", "upsert_directory", self.inner.upsert_directory(users, units)).await
    }

    async fn directory(&self, users: &[UserId], unit: Option<UnitId>) -> Result<Directory, NotificationStoreError> {
        metered(&*self.meter, "notifications", "directory", self.inner.directory(users, unit)).await
    }
}

#[async_trait]
impl PushIntents for MeterNotifications {
    async fn claim_pushes(&self, claim: Claim) -> Result<ClaimedWork<PushIntent>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "claim_pushes", self.inner.claim_pushes(claim)).await
    }

    async fn report_pushes(
        &self,
        claim: ClaimId,
        reports: Vec<PushReport>,
    ) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "report_pushes", self.inner.report_pushes(claim, reports)).await
    }
}

#[async_trait]
impl MailIntents for MeterNotifications {
    async fn claim_mail_intents(&self, claim: Claim) -> Result<ClaimedWork<MailIntent>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "claim_mail_intents", self.inner.claim_mail_intents(claim)).await
    }

    async fn queue_mails(&self, mails: MailsToQueue) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "queue_mails", self.inner.queue_mails(mails)).await
    }
}

#[async_trait]
impl MailQueue for MeterNotifications {
    async fn claim_mails(&self, claim: Claim) -> Result<ClaimedMails, NotificationStoreError> {
        metered(&*self.meter, "notifications", "claim_mails", self.inner.claim_mails(claim)).await
    }

    async fn progress_mails(&self, progress: MailProgress) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "progress_mails", self.inner.progress_mails(progress)).await
    }

    async fn attachments(&self, ids: &[AttachmentId]) -> Result<Vec<StoredAttachment>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "attachments", self.inner.attachments(ids)).await
    }

    async fn release(&self, claim: ClaimId) -> Result<(), NotificationStoreError> {
        metered(&*self.meter, "notifications", "release", self.inner.release(claim)).await
    }

    async fn suppress(&self, address: &MailAddress, reason: SuppressionReason) -> Result<(), NotificationStoreError> {
        metered(&*self.meter, "notifications", "suppress", self.inner.suppress(address, reason)).await
    }

    async fn unsuppress(&self, address: &MailAddress) -> Result<bool, NotificationStoreError> {
        metered(&*self.meter, "notifications", "unsuppress", self.inner.unsuppress(address)).await
    }

    async fn suppressions(&self, limit: u32) -> Result<Vec<Suppression>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "suppressions", self.inner.suppressions(limit)).await
    }

    async fn unsubscribe(&self, token: &str) -> Result<bool, NotificationStoreError> {
        metered(&*self.meter, "notifications", "unsubscribe", self.inner.unsubscribe(token)).await
    }
}

#[async_trait]
impl Deliveries for MeterNotifications {
    async fn deliveries(&self, id: NotificationId) -> Result<Option<DeliveryLog>, NotificationStoreError> {
        metered(&*self.meter, "notifications", "deliveries", self.inner.deliveries(id)).await
    }

    async fn resend(&self, which: Resend) -> Result<u64, NotificationStoreError> {
        metered(&*self.meter, "notifications", "resend", self.inner.resend(which)).await
    }

    async fn backlog(&self) -> Result<Backlog, NotificationStoreError> {
        metered(&*self.meter, "notifications", "backlog", self.inner.backlog()).await
    }

    async fn prune(
        &self,
        deliveries_before: Timestamp,
        inbox_before: Timestamp,
        acceptances_before: Timestamp,
    ) -> Result<NotificationsPruned, NotificationStoreError> {
        metered(
            &*self.meter,
            "notifications",
            "prune",
            self.inner.prune(deliveries_before, inbox_before, acceptances_before),
        )
        .await
    }
}
