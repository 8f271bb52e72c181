//! Accepting: all of it, once.

use futures_util::future::join_all;

use super::NotificationHarness;
use super::samples::*;
use crate::model::UserId;
use crate::notification::model::{
    AttachmentId, Channel, ChannelSet, DeliveryStatus, DeviceFilter, IntegrationType, StoredAttachment,
};
use crate::ports::{
    Acceptance, Attachment, ForUser, IdempotencyKey, IdempotencyRecord, InboxQuery, InboxStart, MailEnqueue, MailFor,
    NotificationStore, NotificationStoreError,
};

async fn inbox(store: &dyn NotificationStore, user: UserId) -> Vec<crate::notification::model::Notification> {
    store.list(&InboxQuery { user_id: user, start: InboxStart::Skip(0), take: 100 }).await.unwrap().items
}

/// A redelivery adds nothing, also where some of the users are new.
pub async fn an_event_is_accepted_once_for_each_user(harness: &dyn NotificationHarness) {
    let store = harness.store();
    store.register(browser(1, user(1))).await.unwrap();
    store.register(app(2, user(1))).await.unwrap();
    let first = accepted(&*store, 1).await;
    assert_eq!((first.users[0].id, first.users[0].is_new, first.users[0].devices), (notification(1), true, 2));
    // The same event with other ids, as another instance would make them.
    let again = acceptance(1, vec![for_user(7, user(1)), for_user(8, user(2))]);
    let again = store.accept(again).await.unwrap().users;
    assert_eq!((again[0].id, again[0].is_new, again[0].devices), (notification(1), false, 2));
    assert_eq!((again[1].id, again[1].is_new, again[1].devices), (notification(8), true, 0));
    assert_eq!(inbox(&*store, user(1)).await.len(), 1);
    assert_eq!(pushes(&*store, claim(1, LONG, 100)).await.len(), 2);
    assert_eq!(mail_intents(&*store, claim(2, LONG, 100)).await.len(), 2);
    // Another event is another one.
    accepted(&*store, 2).await;
    assert_eq!(inbox(&*store, user(1)).await.len(), 2);
}

/// At the same moment.
pub async fn of_two_that_accept_an_event_one_does(harness: &dyn NotificationHarness) {
    let store = harness.store();
    store.register(app(1, user(1))).await.unwrap();
    for n in 0..5 {
        let both = (0..4).map(|by| store.accept(acceptance(n, vec![for_user(10 * n + by, user(1))])));
        let answers = join_all(both).await.into_iter().map(|answer| answer.unwrap().users.remove(0));
        let answers: Vec<_> = answers.collect();
        assert_eq!(answers.iter().filter(|answer| answer.is_new).count(), 1);
        assert!(answers.iter().all(|answer| answer.id == answers[0].id), "all are told the same");
    }
    assert_eq!(pushes(&*store, claim(1, LONG, 100)).await.len(), 5);
    assert_eq!(inbox(&*store, user(1)).await.len(), 5);
}

/// Nor do devices that the filter keeps out.
pub async fn channels_that_are_not_named_get_nothing(harness: &dyn NotificationHarness) {
    let store = harness.store();
    store.register(browser(1, user(1))).await.unwrap();
    store.register(app(2, user(1))).await.unwrap();
    let over = |n, channels: &[Channel]| ForUser {
        channels: ChannelSet::of(channels.iter().copied()),
        mail: MailFor::None,
        ..for_user(n, user(1))
    };
    let accept = async |n, one| store.accept(acceptance(n, vec![one])).await.unwrap().users.remove(0);
    accept(1, over(1, &[Channel::InApp])).await;
    let only = ForUser { devices: DeviceFilter::Only(IntegrationType::Fcm), ..over(2, &[Channel::PushNotification]) };
    assert_eq!(accept(2, only).await.devices, 1);
    let nowhere = ForUser { mail: MailFor::Nowhere("no address".to_owned()), ..over(3, &[Channel::Email]) };
    accept(3, nowhere).await;
    assert_eq!(inbox(&*store, user(1)).await.len(), 1);
    let pushed = pushes(&*store, claim(1, LONG, 100)).await;
    assert_eq!(pushed.iter().map(|push| push.device.clone()).collect::<Vec<_>>(), [app(2, user(1))]);
    assert_eq!(mail_intents(&*store, claim(2, LONG, 100)).await, []);
    let of = async |n| {
        let all = deliveries(&*store, n).await;
        all.into_iter().map(|one| (one.channel, one.status)).collect::<Vec<_>>()
    };
    assert_eq!(of(1).await, [(Channel::InApp, DeliveryStatus::Sent)]);
    assert_eq!(of(2).await, [(Channel::PushNotification, DeliveryStatus::Pending)]);
    assert_eq!(of(3).await, [(Channel::Email, DeliveryStatus::Skipped)]);
    assert_eq!(deliveries(&*store, 3).await[0].last_error.as_deref(), Some("no address"));
    assert_eq!(store.deliveries(notification(99)).await.unwrap(), None);
}

/// And stands against another one under its key, with which nothing is written.
pub async fn an_answer_is_kept_with_its_acceptance(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let key = |n| IdempotencyKey { caller: user(9), key: format!("key '{n}'") };
    let record = |n, expires: &str| IdempotencyRecord {
        key: key(n),
        fingerprint: u128::MAX - 5,
        response: "{\"ü\": 1}".into(),
        expires_at: expires.parse().unwrap(),
    };
    let with = |n, record| Acceptance { idempotency: Some(record), ..acceptance(n, vec![for_user(n, user(1))]) };
    assert_eq!(store.answer(&key(1)).await.unwrap(), None);
    let kept = record(1, "2999-01-01T00:00:00Z");
    store.accept(with(1, kept.clone())).await.unwrap();
    assert_eq!(store.answer(&key(1)).await.unwrap(), Some(kept.clone()));
    let refused = store.accept(with(2, kept)).await;
    assert!(matches!(refused, Err(NotificationStoreError::IdempotencyKeyTaken)), "{refused:?}");
    assert_eq!(inbox(&*store, user(1)).await.len(), 1);
    store.accept(with(3, record(3, "2001-01-01T00:00:00Z"))).await.unwrap();
    assert_eq!(store.answer(&key(3)).await.unwrap(), None, "it expired");
    store.accept(with(4, record(3, "2999-01-01T00:00:00Z"))).await.unwrap();
    assert!(store.answer(&key(3)).await.unwrap().is_some());
}

fn file(n: u128) -> StoredAttachment {
    let file = Attachment { name: "a.pdf".to_owned(), content_type: "application/pdf".to_owned(), bytes: "abc".into() };
    StoredAttachment { id: AttachmentId(uuid::Uuid::from_u128(n)), file }
}

/// And not again when the event comes again, under other names.
pub async fn files_are_accepted_with_the_mails_that_name_them(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let with_file = |n: u128| {
        let mut item = mail_to("a@example.com");
        item.attachments = vec![file(n).id];
        let user = ForUser { mail: MailFor::Item(item), ..for_user(n, user(1)) };
        Acceptance { attachments: vec![file(n)], ..acceptance(1, vec![user]) }
    };
    for n in [1, 2] {
        assert_eq!(store.accept(with_file(n)).await.unwrap().users[0].is_new, n == 1);
    }
    let intents = mail_intents(&*store, claim(1, LONG, 100)).await;
    assert_eq!(intents.iter().map(|intent| &intent.item.attachments[..]).collect::<Vec<_>>(), [[file(1).id]]);
    assert_eq!(store.attachments(&[file(1).id, file(2).id]).await.unwrap(), [file(1)]);
    // What a mail that waits names is kept, however old it is.
    let late = "2999-01-01T00:00:00Z".parse().unwrap();
    store.prune(late, late, late).await.unwrap();
    assert_eq!(store.attachments(&[file(1).id]).await.unwrap(), [file(1)]);
}

/// By their key and place.
pub async fn mails_are_enqueued_once(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let file = file(1);
    let mut item = mail_to("a@example.com");
    item.attachments = vec![file.id];
    let mails = MailEnqueue {
        key: event(1),
        items: vec![item.clone(), mail_to("b@example.com")],
        attachments: vec![file.clone()],
    };
    assert_eq!(store.enqueue_mails(mails.clone()).await.unwrap(), 2);
    assert_eq!(store.enqueue_mails(mails).await.unwrap(), 0);
    let intents = mail_intents(&*store, claim(1, LONG, 100)).await;
    assert_eq!(intents.iter().map(|intent| &intent.item).collect::<Vec<_>>(), [&item, &mail_to("b@example.com")]);
    assert_eq!(store.attachments(&[file.id, AttachmentId(uuid::Uuid::from_u128(2))]).await.unwrap(), [file]);
}

/// Bit by bit.
pub async fn texts_come_back_as_they_were(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let device = browser(1, user(1));
    store.register(device.clone()).await.unwrap();
    accepted(&*store, 1).await;
    let wanted = for_user(1, user(1));
    let push = pushes(&*store, claim(1, LONG, 100)).await.remove(0);
    assert_eq!((&push.title, &push.body, push.kind), (&wanted.title, &wanted.body, wanted.kind));
    assert_eq!((push.event_id, push.notification_id, push.attempts), (event(1), notification(1), 0));
    assert_eq!(push.device, device);
    let mail = mail_intents(&*store, claim(2, LONG, 100)).await.remove(0);
    assert_eq!(MailFor::Item(mail.item), wanted.mail);
    let shown = inbox(&*store, user(1)).await.remove(0);
    assert_eq!((&shown.title, &shown.body, shown.kind), (&wanted.title, &wanted.body, wanted.kind));
    assert_eq!((shown.id, shown.user_id, shown.read_at), (notification(1), user(1), None));
}
