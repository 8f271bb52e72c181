//! The ports: what the use cases need from outside, one trait and one closed error each. Their conformance suites
//! (feature `testing`) say in tests what the words here mean; every adapter passes them.

mod bus;
mod feed;
mod ids;
mod lease;
mod mail;
mod notifications;
mod outbox;
mod parking;
mod push;
mod store;
mod subscription;

pub use bus::{
    Bus, BusError, BusMessage, COMPACTED, COMPACTED_BACKLOG_MAX, Consumer, Delivery, MessageId, Outgoing, StartAt,
    Subscription, SubscriptionKind, Topic,
};
pub use feed::{Change, ChangeFeed, FeedBatch, FeedError, FeedPosition, Operation};
pub use ids::Ids;
pub use lease::{Acquired, LIVES_APART_MAX, Lease, LeaseName, Leases, TOKENS_PER_LIFE, tokens_before};
pub use mail::{
    Attachment, MailError, MailReceipt, MailSession, MailTemplates, MailTransport, OutgoingMail, RenderError,
    RenderedMail, TemplateData, TemplateId, UnknownPolicy,
};
pub use notifications::{
    Acceptance, Acceptances, Accepted, AcceptedUser, Backlog, CLAIM_LIFE_MAX, Claim, ClaimedMails, ClaimedWork,
    Deliveries, DeliveryLog, Devices, ForUser, Inbox, InboxChanges, InboxPage, InboxQuery, InboxStart, MailEnqueue,
    MailFor, MailIntent, MailIntents, MailOutcome, MailProgress, MailQueue, MailReport, MailToSend, MailsToQueue,
    NewDelivery, NotificationStore, NotificationStoreError, NotificationsPruned, PushIntent, PushIntents, PushOutcome,
    PushReport, QueuedMail, RESEND_MAX, Recipient, Recipients, Registered, Resend, Suppression, SuppressionCursor,
    SuppressionReason,
};
pub use outbox::{Outbox, OutboxId, OutboxRow};
pub use parking::{PARKED_MAX, ParkedEvent, ParkedId, Parking};
pub use push::{
    AUTH_BYTES, P256DH_BYTES, PUSH_TAG_CHARS_MAX, PushError, PushGateway, PushMessage, PushOrigin, PushReceipt,
    PushTarget, Urgency, WebPushSubscription,
};
pub use store::{
    Committed, IdempotencyKey, IdempotencyRecord, ListCursor, ListPage, ListQuery, Lookup, OutboxEvent, PageStart,
    RowWrite, Store, StoreError, VERSIONS_MAX, WriteSet,
};
pub use subscription::{ENDPOINT_BYTES_MAX, SUBSCRIPTION_BYTES_MAX, SubscriptionError};
