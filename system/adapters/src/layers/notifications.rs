//! The store of notifications, call by call: one list for whatever goes around each of them.

/// Makes a type the store that its field `inner` is, with its method `around(name, call)` around each call.
macro_rules! notification_store {
    ($wrapper:ident) => {
        use coherence::Timestamp;
        use domain::model::{CompanyId, UnitId, UserId};
        use domain::notification::model::{
            AttachmentId, ClaimId, DeliveryId, Device, DeviceId, Directory, InboxPosition, MailAddress, Notification,
            NotificationId, Preference, StoredAttachment, UnitEntry, UserEntry,
        };
        use domain::ports::{
            Acceptance, Acceptances, Accepted, Backlog, Claim, ClaimedMails, ClaimedWork, Deliveries, DeliveryLog,
            Devices, IdempotencyKey, IdempotencyRecord, Inbox, InboxChanges, InboxPage, InboxQuery, MailEnqueue,
            MailIntent, MailIntents, MailProgress, MailQueue, MailsToQueue, NotificationsPruned, PushIntent,
            PushIntents, PushReport, Recipient, Recipients, Registered, Resend, Suppression,
            SuppressionCursor, SuppressionReason,
        };

        $crate::layers::notifications::calls! { $wrapper
            Acceptances {
                accept(acceptance: Acceptance) -> Accepted;
                enqueue_mails(mails: MailEnqueue) -> u32;
                answer(key: &IdempotencyKey) -> Option<IdempotencyRecord>;
            }
            Inbox {
                list(query: &InboxQuery) -> InboxPage;
                read(user: UserId, id: NotificationId, at: Timestamp) -> Option<Notification>;
                read_all(user: UserId, until: Timestamp, at: Timestamp) -> u64;
                unread(user: UserId) -> u64;
                changes(user: UserId, after: Option<InboxPosition>, limit: u32) -> InboxChanges;
            }
            Devices {
                register(device: Device) -> Registered;
                devices(user: UserId) -> Vec<Device>;
                remove(user: UserId, id: DeviceId) -> bool;
            }
            Recipients {
                preferences(user: UserId) -> Vec<Preference>;
                set_preferences(user: UserId, preferences: Vec<Preference>) -> ();
                recipients(company: CompanyId, unit: Option<UnitId>, after: Option<UserId>, limit: u32) -> Vec<Recipient>;
                upsert_directory(users: Vec<UserEntry>, units: Vec<UnitEntry>) -> ();
                directory(users: &[UserId], unit: Option<UnitId>) -> Directory;
            }
            PushIntents {
                claim_pushes(claim: Claim) -> ClaimedWork<PushIntent>;
                report_pushes(claim: ClaimId, reports: Vec<PushReport>) -> Vec<DeliveryId>;
            }
            MailIntents {
                claim_mail_intents(claim: Claim) -> ClaimedWork<MailIntent>;
                queue_mails(mails: MailsToQueue) -> Vec<DeliveryId>;
            }
            MailQueue {
                claim_mails(claim: Claim) -> ClaimedMails;
                progress_mails(progress: MailProgress) -> Vec<DeliveryId>;
                attachments(ids: &[AttachmentId]) -> Vec<StoredAttachment>;
                release(claim: ClaimId) -> ();
                suppress(address: &MailAddress, reason: SuppressionReason) -> ();
                unsuppress(address: &MailAddress) -> bool;
                suppressions(after: Option<SuppressionCursor>, limit: u32) -> Vec<Suppression>;
                unsubscribe(token: &str) -> bool;
            }
            Deliveries {
                deliveries(id: NotificationId) -> Option<DeliveryLog>;
                resend(which: Resend) -> u64;
                backlog() -> Backlog;
                prune(deliveries: Timestamp, inbox: Timestamp, acceptances: Timestamp) -> NotificationsPruned;
            }
        }
    };
}

macro_rules! calls {
    ($wrapper:ident $($port:ident { $($method:ident($($name:ident: $type:ty),*) -> $answer:ty;)+ })+) => {$(
        #[async_trait::async_trait]
        impl $port for $wrapper {$(
            async fn $method(&self, $($name: $type),*) -> Result<$answer, domain::ports::NotificationStoreError> {
                self.around(stringify!($method), self.inner.$method($($name),*)).await
            }
        )+}
    )+};
}

pub(super) use {calls, notification_store};
