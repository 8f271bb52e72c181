//! What became of it.

use super::NotificationHarness;
use super::samples::*;
use crate::notification::model::{AttachmentId, Channel, DeliveryStatus, StoredAttachment};
use crate::ports::{
    Acceptance, Attachment, Backlog, IdempotencyKey, IdempotencyRecord, InboxQuery, InboxStart, MailEnqueue,
    MailOutcome, MailProgress, MailReport, MailsToQueue, NotificationStore, NotificationsPruned, PushOutcome,
    PushReport, Resend, UnknownPolicy,
};

/// One push and one mail of notification `n` fail.
async fn failed(store: &dyn NotificationStore, n: u128) {
    accepted(store, n).await;
    let held = claim(100 + n, LONG, 10);
    let push = pushes(store, held).await.remove(0);
    let failed = PushOutcome::Failed { error: "no".to_owned() };
    let reports = vec![PushReport { id: push.id, attempts: 5, outcome: failed }];
    store.report_pushes(held.id, reports).await.unwrap();
    queue_all(store, UnknownPolicy::Hold).await;
    let mail = mails(store, held).await.remove(0);
    store.progress_mails(MailProgress { claim: held.id, reports: Vec::new(), sending: vec![mail.id] }).await.unwrap();
    let outcome = MailOutcome::Failed { error: "no".to_owned(), suppress: false };
    let reports = vec![MailReport { id: mail.id, attempts: 5, outcome }];
    store.progress_mails(MailProgress { claim: held.id, reports, sending: Vec::new() }).await.unwrap();
}

async fn statuses(store: &dyn NotificationStore, n: u128) -> Vec<(DeliveryStatus, u32)> {
    let all = deliveries(store, n).await.into_iter().filter(|one| one.channel != Channel::InApp);
    all.map(|one| (one.status, one.attempts)).collect()
}

/// One of them, or those since a time; what is sent or waits is not.
pub async fn failed_ones_are_sent_again(harness: &dyn NotificationHarness) {
    const FAILED: (DeliveryStatus, u32) = (DeliveryStatus::Failed, 5);
    let store = harness.store();
    store.register(app(1, user(1))).await.unwrap();
    failed(&*store, 1).await;
    assert_eq!(statuses(&*store, 1).await, [FAILED, FAILED]);
    harness.pass(SHORT).await;
    failed(&*store, 2).await;
    let second = deliveries(&*store, 2).await;
    let since = second[1].updated_at.min(second[2].updated_at);
    assert_eq!(store.resend(Resend::Since(since)).await.unwrap(), 2);
    assert_eq!(statuses(&*store, 1).await, [FAILED, FAILED]);
    assert_eq!(statuses(&*store, 2).await, [(DeliveryStatus::Pending, 0), (DeliveryStatus::Queued, 0)]);
    assert_eq!(store.resend(Resend::Since(since)).await.unwrap(), 0);
    let push = deliveries(&*store, 1).await[1].id;
    assert_eq!(store.resend(Resend::One(push)).await.unwrap(), 1);
    assert_eq!(store.resend(Resend::One(push)).await.unwrap(), 0);
    assert_eq!(pushes(&*store, claim(1, LONG, 10)).await.len(), 2);
    assert_eq!(mails(&*store, claim(2, LONG, 10)).await.len(), 1);
}

/// Its age counts from then: one that failed long ago has all its attempts.
pub async fn what_is_sent_again_is_young_again(harness: &dyn NotificationHarness) {
    let store = harness.store();
    store.register(app(1, user(1))).await.unwrap();
    failed(&*store, 1).await;
    // A mail that fails before it is rendered.
    accepted(&*store, 2).await;
    let held = claim(1, LONG, 10);
    let intents = mail_intents(&*store, held).await;
    let batch =
        MailsToQueue { failed: vec![(intents[0].id, "no".to_owned())], ..to_queue(held, &[], UnknownPolicy::Hold) };
    store.queue_mails(batch).await.unwrap();
    harness.pass(SHORT).await;
    let accepted_at = deliveries(&*store, 1).await[1].created_at;
    assert_eq!(store.resend(Resend::Since(accepted_at)).await.unwrap(), 3);
    let again = deliveries(&*store, 1).await;
    assert!(again[1].created_at == accepted_at && again[1].updated_at > accepted_at, "{again:?}");
    let pushes = pushes(&*store, claim(2, LONG, 10)).await;
    let push = pushes.iter().find(|push| push.notification_id == notification(1)).unwrap();
    assert_eq!(push.waits_since, again[1].updated_at);
    assert_eq!(mails(&*store, claim(3, LONG, 10)).await[0].waits_since, again[2].updated_at);
    let unrendered = mail_intents(&*store, claim(4, LONG, 10)).await;
    let second = deliveries(&*store, 2).await;
    assert_eq!(unrendered[0].waits_since, second.iter().find(|one| one.id == unrendered[0].id).unwrap().updated_at);
}

/// It may have arrived: not with all that failed since a time.
pub async fn what_nobody_knows_is_sent_again_singly(harness: &dyn NotificationHarness) {
    let store = harness.store();
    accepted(&*store, 1).await;
    queue_all(&*store, UnknownPolicy::Hold).await;
    let held = claim(1, LONG, 10);
    let id = mails(&*store, held).await[0].id;
    store.progress_mails(MailProgress { claim: held.id, reports: Vec::new(), sending: vec![id] }).await.unwrap();
    let outcome = MailOutcome::Unknown { error: "broke".to_owned(), after: SHORT };
    let reports = vec![MailReport { id, attempts: 1, outcome }];
    store.progress_mails(MailProgress { claim: held.id, reports, sending: Vec::new() }).await.unwrap();
    let since = "2001-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.resend(Resend::Since(since)).await.unwrap(), 0);
    assert_eq!(statuses(&*store, 1).await, [(DeliveryStatus::Unknown, 1)]);
    assert_eq!(store.resend(Resend::One(id)).await.unwrap(), 1);
    assert_eq!(statuses(&*store, 1).await, [(DeliveryStatus::Queued, 0)]);
}

/// By what it waits for.
pub async fn the_backlog_counts_what_waits(harness: &dyn NotificationHarness) {
    let store = harness.store();
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    store.register(app(1, user(1))).await.unwrap();
    accepted(&*store, 1).await;
    let first = store.backlog().await.unwrap();
    assert_eq!((first.pushes, first.mail_intents, first.mails, first.unknown), (1, 1, 0, 0));
    assert_eq!(first.oldest, Some(deliveries(&*store, 1).await[1].created_at));
    queue_all(&*store, UnknownPolicy::Hold).await;
    let queued = store.backlog().await.unwrap();
    assert_eq!((queued.pushes, queued.mail_intents, queued.mails), (1, 0, 1));
    let held = claim(1, SHORT, 10);
    let id = mails(&*store, held).await[0].id;
    store.progress_mails(MailProgress { claim: held.id, reports: Vec::new(), sending: vec![id] }).await.unwrap();
    harness.pass(SHORT).await;
    mails(&*store, claim(2, LONG, 10)).await;
    let unknown = store.backlog().await.unwrap();
    assert_eq!((unknown.mails, unknown.unknown), (0, 1));
}

/// What still waits is not, nor what says that its event was accepted.
pub async fn what_is_old_is_forgotten(harness: &dyn NotificationHarness) {
    let store = harness.store();
    store.register(app(1, user(1))).await.unwrap();
    failed(&*store, 1).await;
    let key = IdempotencyKey { caller: user(9), key: "k".to_owned() };
    let expires_at = "2001-01-01T00:00:00Z".parse().unwrap();
    let record = IdempotencyRecord { key, fingerprint: 1, response: "x".into(), expires_at };
    let with_answer = Acceptance { idempotency: Some(record), ..acceptance(2, vec![for_user(2, user(1))]) };
    store.accept(with_answer).await.unwrap();
    let file = StoredAttachment {
        id: AttachmentId(uuid::Uuid::from_u128(1)),
        file: Attachment { name: "a".to_owned(), content_type: "a/b".to_owned(), bytes: "abc".into() },
    };
    let mut item = mail_to("a@example.com");
    item.attachments = vec![file.id];
    let enqueue = MailEnqueue { key: event(3), items: vec![item], attachments: vec![file.clone()] };
    store.enqueue_mails(enqueue).await.unwrap();
    let past = "2001-01-01T00:00:00Z".parse().unwrap();
    let future = "2999-01-01T00:00:00Z".parse().unwrap();
    let pruned = store.prune(past, past, past).await.unwrap();
    assert_eq!(pruned, NotificationsPruned { answers: 1, ..NotificationsPruned::default() });
    let pruned = store.prune(future, past, past).await.unwrap();
    assert_eq!(pruned, NotificationsPruned { deliveries: 2, ..NotificationsPruned::default() });
    assert_eq!(statuses(&*store, 1).await, []);
    assert!(!accepted(&*store, 1).await.users[0].is_new, "it is known still");
    assert_eq!(store.attachments(&[file.id]).await.unwrap(), [file], "a mail that waits names it");
    let pruned = store.prune(future, future, future).await.unwrap();
    assert_eq!((pruned.notifications, pruned.acceptances), (2, 1), "the second one's deliveries wait");
    let query = InboxQuery { user_id: user(1), start: InboxStart::Skip(0), take: 10 };
    assert_eq!(store.list(&query).await.unwrap().total, 0);
    assert_eq!(store.deliveries(notification(1)).await.unwrap(), None);
    assert_eq!(statuses(&*store, 2).await.len(), 2);
    assert_eq!(store.unread(user(1)).await.unwrap(), 0);
}
