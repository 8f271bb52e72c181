//! Notifications, devices and mails to test with.

use std::time::Duration;

use uuid::Uuid;

use crate::conformance::samples::day;
use crate::model::{EventId, UserId};
use crate::notification::model::{
    Body, ChannelSet, ClaimId, Delivery, Device, DeviceFilter, DeviceId, MailAddress, MailItem, Name, NotificationId,
    NotificationType, Title,
};
use crate::ports::{
    Acceptance, Accepted, Claim, ForUser, MailFor, MailIntent, MailToSend, MailsToQueue, NotificationStore, PushIntent,
    PushTarget, QueuedMail, RenderedMail, TemplateData, TemplateId, UnknownPolicy, WebPushSubscription,
};

/// Longer than any case takes.
pub const LONG: Duration = Duration::from_secs(500);
/// Some time that passes soon.
pub const SHORT: Duration = Duration::from_millis(400);

/// A user's id.
pub fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(0x1000 + n))
}

/// An event's id.
pub fn event(n: u128) -> EventId {
    EventId(Uuid::from_u128(0x2000 + n))
}

/// A notification's id.
pub fn notification(n: u128) -> NotificationId {
    NotificationId(Uuid::from_u128(0x3000 + n))
}

/// A claim of `limit` that lives for `life`.
pub fn claim(n: u128, life: Duration, limit: u32) -> Claim {
    Claim { id: ClaimId(Uuid::from_u128(0x4000 + n)), life, limit }
}

/// A browser of a user.
pub fn browser(n: u128, user: UserId) -> Device {
    let n8 = u8::try_from(n % 200).unwrap();
    let mut p256dh = [n8; 65];
    p256dh[0] = 4;
    let endpoint = format!("https://push.example.com/{n}?q='\"");
    let subscription = WebPushSubscription { endpoint, p256dh, auth: [n8; 16] };
    Device { os_version: Some("Android 14 \u{1f4f1}".to_owned()), ..device(n, user, PushTarget::WebPush(subscription)) }
}

/// An app of a user.
pub fn app(n: u128, user: UserId) -> Device {
    device(n, user, PushTarget::Fcm { token: format!("token:{n}-'") })
}

fn device(n: u128, user_id: UserId, target: PushTarget) -> Device {
    let at = day(i64::try_from(n).unwrap());
    Device {
        id: DeviceId(Uuid::from_u128(0x5000 + n)),
        user_id,
        target,
        os_version: None,
        vapid_key_id: Some("key".to_owned()),
        created_at: at,
        last_seen_at: at,
        must_resubscribe: false,
    }
}

/// A mail to `address`.
pub fn mail_to(address: &str) -> MailItem {
    MailItem {
        to: MailAddress::new(address).unwrap(),
        to_name: Some(Name::new("Anna 'Ä' \"B\"").unwrap()),
        user_id: None,
        subject: Title::new("A subject, \u{1f343}").unwrap(),
        template: TemplateId("alert".to_owned()),
        data: TemplateData::from([("alertMessage".to_owned(), "line\n'two'".to_owned())]),
        attachments: Vec::new(),
    }
}

/// What a user gets over all channels, as notification `n`.
pub fn for_user(n: u128, user_id: UserId) -> ForUser {
    ForUser {
        user_id,
        id: notification(n),
        title: Title::new(format!("title {n}")).unwrap(),
        body: Body::new("a body\nwith '\"\\ \u{1f343}").unwrap(),
        kind: NotificationType::Alert,
        channels: ChannelSet::ALL,
        devices: DeviceFilter::Both,
        mail: MailFor::Item(mail_to(&format!("user{}@example.com", user_id.0.as_u128()))),
    }
}

/// The acceptance of `users`.
pub fn acceptance(n: u128, users: Vec<ForUser>) -> Acceptance {
    Acceptance { event_id: event(n), users, attachments: Vec::new(), idempotency: None }
}

/// Accepts event `n` for user 1 over all channels.
pub async fn accepted(store: &dyn NotificationStore, n: u128) -> Accepted {
    store.accept(acceptance(n, vec![for_user(n, user(1))])).await.expect("nothing stands against it")
}

/// Claims pushes.
pub async fn pushes(store: &dyn NotificationStore, claim: Claim) -> Vec<PushIntent> {
    store.claim_pushes(claim).await.unwrap().items
}

/// Claims mails to render.
pub async fn mail_intents(store: &dyn NotificationStore, claim: Claim) -> Vec<MailIntent> {
    store.claim_mail_intents(claim).await.unwrap().items
}

/// Claims mails to send.
pub async fn mails(store: &dyn NotificationStore, claim: Claim) -> Vec<MailToSend> {
    store.claim_mails(claim).await.unwrap().mails
}

/// What queues `intents` under `claim`.
pub fn to_queue(claim: Claim, intents: &[MailIntent], on_unknown: UnknownPolicy) -> MailsToQueue {
    let row = |intent: &MailIntent| QueuedMail {
        id: intent.id,
        rendered: RenderedMail { text: format!("text of {}", intent.id), html: "<b>'\"ü</b>".to_owned() },
        on_unknown,
        unsubscribe_token: format!("token-{}", intent.id),
    };
    MailsToQueue { claim: claim.id, rows: intents.iter().map(row).collect(), failed: Vec::new() }
}

/// Renders and queues all that waits for it.
pub async fn queue_all(store: &dyn NotificationStore, on_unknown: UnknownPolicy) {
    let claim = claim(900, LONG, 1_000);
    let intents = mail_intents(store, claim).await;
    let refused = store.queue_mails(to_queue(claim, &intents, on_unknown)).await.unwrap();
    assert_eq!(refused, []);
}

/// The deliveries of notification `n`.
pub async fn deliveries(store: &dyn NotificationStore, n: u128) -> Vec<Delivery> {
    store.deliveries(notification(n)).await.unwrap().expect("there is such a notification").deliveries
}
