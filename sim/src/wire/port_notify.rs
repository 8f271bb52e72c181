//! The store of notifications from afar.

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
    MailIntents, MailProgress, MailQueue, MailsToQueue, NotificationStoreError, NotificationsPruned, PushIntent,
    PushIntents, PushReport, Recipient, Recipients, Registered, Resend, Suppression, SuppressionCursor,
    SuppressionReason,
};

use super::conn::WireError;
use super::link::Link;
use super::net::Net;
use crate::world::{NotifyHost, STORE, STORE_PORT, StoreHost};

type Answer<T> = Result<T, NotificationStoreError>;

/// The store of notifications behind the wire, on the host of the other store.
pub struct RemoteNotifications {
    net: Net,
    link: Link<StoreHost>,
}

impl RemoteNotifications {
    /// The store as the host of `net` reaches it.
    pub fn new(net: Net) -> Self {
        Self { link: Link::new(net.clone(), STORE, STORE_PORT), net }
    }

    fn me(&self) -> String {
        self.net.host.to_string()
    }
}

fn store_error(error: WireError) -> NotificationStoreError {
    match error {
        WireError::Broken => NotificationStoreError::Unavailable(None),
        WireError::Timeout => NotificationStoreError::Timeout,
    }
}

/// Has the store do something with arguments that travel.
macro_rules! far {
    ($self:ident, |$host:ident| $work:expr) => {
        $self
            .link
            .call(move |host: StoreHost| async move {
                let $host: NotifyHost = host.notify;
                $work.await
            })
            .await
            .map_err(store_error)?
    };
}

#[async_trait]
impl Acceptances for RemoteNotifications {
    async fn accept(&self, acceptance: Acceptance) -> Answer<Accepted> {
        far!(self, |host| host.accept(acceptance))
    }

    async fn enqueue_mails(&self, mails: MailEnqueue) -> Answer<u32> {
        far!(self, |host| host.store.enqueue_mails(mails))
    }

    async fn answer(&self, key: &IdempotencyKey) -> Answer<Option<IdempotencyRecord>> {
        let key = key.clone();
        far!(self, |host| host.store.answer(&key))
    }
}

#[async_trait]
impl Inbox for RemoteNotifications {
    async fn list(&self, query: &InboxQuery) -> Answer<InboxPage> {
        let query = *query;
        far!(self, |host| host.store.list(&query))
    }

    async fn read(&self, user: UserId, id: NotificationId, at: Timestamp) -> Answer<Option<Notification>> {
        far!(self, |host| host.store.read(user, id, at))
    }

    async fn read_all(&self, user: UserId, until: Timestamp, at: Timestamp) -> Answer<u64> {
        far!(self, |host| host.store.read_all(user, until, at))
    }

    async fn unread(&self, user: UserId) -> Answer<u64> {
        far!(self, |host| host.store.unread(user))
    }

    async fn changes(&self, user: UserId, after: Option<InboxPosition>, limit: u32) -> Answer<InboxChanges> {
        far!(self, |host| host.store.changes(user, after, limit))
    }
}

#[async_trait]
impl Devices for RemoteNotifications {
    async fn register(&self, device: Device) -> Answer<Registered> {
        far!(self, |host| host.store.register(device))
    }

    async fn devices(&self, user: UserId) -> Answer<Vec<Device>> {
        far!(self, |host| host.store.devices(user))
    }

    async fn remove(&self, user: UserId, id: DeviceId) -> Answer<bool> {
        far!(self, |host| Devices::remove(&host.store, user, id))
    }
}

#[async_trait]
impl Recipients for RemoteNotifications {
    async fn preferences(&self, user: UserId) -> Answer<Vec<Preference>> {
        far!(self, |host| host.store.preferences(user))
    }

    async fn set_preferences(&self, user: UserId, preferences: Vec<Preference>) -> Answer<()> {
        far!(self, |host| host.store.set_preferences(user, preferences))
    }

    async fn recipients(
        &self,
        company: CompanyId,
        unit: Option<UnitId>,
        after: Option<UserId>,
        limit: u32,
    ) -> Answer<Vec<Recipient>> {
        far!(self, |host| host.store.recipients(company, unit, after, limit))
    }

    async fn upsert_directory(&self, users: Vec<UserEntry>, units: Vec<UnitEntry>) -> Answer<()> {
        far!(self, |host| host.store.upsert_directory(users, units))
    }

    async fn directory(&self, users: &[UserId], unit: Option<UnitId>) -> Answer<Directory> {
        let users = users.to_vec();
        far!(self, |host| host.store.directory(&users, unit))
    }
}

#[async_trait]
impl PushIntents for RemoteNotifications {
    async fn claim_pushes(&self, claim: Claim) -> Answer<ClaimedWork<PushIntent>> {
        let me = self.me();
        far!(self, |host| host.claim_pushes(me, claim))
    }

    async fn report_pushes(&self, claim: ClaimId, reports: Vec<PushReport>) -> Answer<Vec<DeliveryId>> {
        far!(self, |host| host.report_pushes(claim, reports))
    }
}

#[async_trait]
impl MailIntents for RemoteNotifications {
    async fn claim_mail_intents(&self, claim: Claim) -> Answer<ClaimedWork<MailIntent>> {
        far!(self, |host| host.store.claim_mail_intents(claim))
    }

    async fn queue_mails(&self, mails: MailsToQueue) -> Answer<Vec<DeliveryId>> {
        far!(self, |host| host.store.queue_mails(mails))
    }
}

#[async_trait]
impl MailQueue for RemoteNotifications {
    async fn claim_mails(&self, claim: Claim) -> Answer<ClaimedMails> {
        let me = self.me();
        far!(self, |host| host.claim_mails(me, claim))
    }

    async fn progress_mails(&self, progress: MailProgress) -> Answer<Vec<DeliveryId>> {
        far!(self, |host| host.progress_mails(progress))
    }

    async fn attachments(&self, ids: &[AttachmentId]) -> Answer<Vec<StoredAttachment>> {
        let ids = ids.to_vec();
        far!(self, |host| host.store.attachments(&ids))
    }

    async fn release(&self, claim: ClaimId) -> Answer<()> {
        far!(self, |host| host.store.release(claim))
    }

    async fn suppress(&self, address: &MailAddress, reason: SuppressionReason) -> Answer<()> {
        let address = address.clone();
        far!(self, |host| host.store.suppress(&address, reason))
    }

    async fn unsuppress(&self, address: &MailAddress) -> Answer<bool> {
        let address = address.clone();
        far!(self, |host| host.store.unsuppress(&address))
    }

    async fn suppressions(&self, after: Option<SuppressionCursor>, limit: u32) -> Answer<Vec<Suppression>> {
        far!(self, |host| host.store.suppressions(after, limit))
    }

    async fn unsubscribe(&self, token: &str) -> Answer<bool> {
        let token = token.to_owned();
        far!(self, |host| host.store.unsubscribe(&token))
    }
}

#[async_trait]
impl Deliveries for RemoteNotifications {
    async fn deliveries(&self, id: NotificationId) -> Answer<Option<DeliveryLog>> {
        far!(self, |host| host.store.deliveries(id))
    }

    async fn resend(&self, which: Resend) -> Answer<u64> {
        far!(self, |host| host.store.resend(which))
    }

    async fn backlog(&self) -> Answer<Backlog> {
        far!(self, |host| host.store.backlog())
    }

    async fn prune(
        &self,
        deliveries_before: Timestamp,
        inbox_before: Timestamp,
        acceptances_before: Timestamp,
    ) -> Answer<NotificationsPruned> {
        far!(self, |host| host.store.prune(deliveries_before, inbox_before, acceptances_before))
    }
}
