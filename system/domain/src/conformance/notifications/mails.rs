//! Mails on their way into the queue.

use super::NotificationHarness;
use super::samples::*;
use crate::model::UserId;
use crate::notification::model::{AttachmentId, Channel, DeliveryStatus, MailItem, StoredAttachment};
use crate::ports::{
    Acceptance, Attachment, MailEnqueue, MailOutcome, MailProgress, MailReport, MailsToQueue, NotificationStoreError,
    Resend, SuppressionReason, UnknownPolicy,
};

/// And once, however often the same batch is queued.
pub async fn mails_are_queued_by_their_claim_only(harness: &dyn NotificationHarness) {
    let store = harness.store();
    for n in 1..=3 {
        accepted(&*store, n).await;
    }
    let lost = claim(1, SHORT, 10);
    let intents = mail_intents(&*store, lost).await;
    assert_eq!(intents.len(), 3);
    harness.pass(SHORT).await;
    let held = claim(2, LONG, 2);
    let two = mail_intents(&*store, held).await;
    assert_eq!(two[..], intents[..2]);
    let refused = store.queue_mails(to_queue(lost, &intents, UnknownPolicy::Hold)).await.unwrap();
    assert_eq!(refused, [intents[0].id, intents[1].id], "the third one nobody took over");
    let batch = to_queue(held, &two, UnknownPolicy::Hold);
    assert_eq!(store.queue_mails(batch.clone()).await.unwrap(), []);
    store.queue_mails(batch).await.unwrap();
    assert_eq!(mail_intents(&*store, claim(3, LONG, 10)).await, []);
    let queued = mails(&*store, claim(4, LONG, 10)).await;
    assert_eq!(queued.len(), 3, "{queued:?}");
    let refused = store.queue_mails(to_queue(held, &two, UnknownPolicy::Hold)).await.unwrap();
    assert_eq!(refused.len(), 2, "they are being sent");
}

/// And the rest of the batch is queued.
pub async fn what_cannot_be_rendered_fails(harness: &dyn NotificationHarness) {
    let store = harness.store();
    accepted(&*store, 1).await;
    accepted(&*store, 2).await;
    let held = claim(1, LONG, 10);
    let intents = mail_intents(&*store, held).await;
    let batch = MailsToQueue {
        failed: vec![(intents[0].id, "no such template".to_owned())],
        ..to_queue(held, &intents[1..], UnknownPolicy::Hold)
    };
    assert_eq!(store.queue_mails(batch).await.unwrap(), []);
    let of = async |n| {
        let mut all = deliveries(&*store, n).await;
        all.retain(|one| one.channel == Channel::Email);
        (all[0].status, all[0].last_error.clone())
    };
    assert_eq!(of(1).await, (DeliveryStatus::Failed, Some("no such template".to_owned())));
    assert_eq!(of(2).await, (DeliveryStatus::Queued, None));
}

/// The first one made for the address, however it is spelt.
pub async fn a_mail_keeps_its_token(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let items = ["anna@example.com", "bert@example.com", "Anna@Example.com"].map(mail_to).to_vec();
    store.enqueue_mails(MailEnqueue { key: event(1), items, attachments: Vec::new() }).await.unwrap();
    queue_all(&*store, UnknownPolicy::Hold).await;
    let sent = mails(&*store, claim(1, LONG, 10)).await;
    assert_eq!(sent[0].unsubscribe_token, sent[2].unsubscribe_token);
    assert_ne!(sent[0].unsubscribe_token, sent[1].unsubscribe_token);
    assert_eq!(sent[2].to.as_str(), "Anna@Example.com", "mail goes where it was to go");
    let again = vec![mail_to("bert@example.com")];
    store.enqueue_mails(MailEnqueue { key: event(2), items: again, attachments: Vec::new() }).await.unwrap();
    queue_all(&*store, UnknownPolicy::Hold).await;
    let later = mails(&*store, claim(2, LONG, 10)).await;
    assert_eq!(later[0].unsubscribe_token, sent[1].unsubscribe_token);
}

/// All its parts.
pub async fn a_queued_mail_comes_back_as_it_was(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let mut item = mail_to("anna@example.com");
    item.user_id = Some(UserId(uuid::Uuid::from_u128(5)));
    let mut bare = mail_to("bert@example.com");
    bare.to_name = None;
    store
        .enqueue_mails(MailEnqueue { key: event(1), items: vec![item.clone(), bare], attachments: Vec::new() })
        .await
        .unwrap();
    let held = claim(1, LONG, 10);
    let intents = mail_intents(&*store, held).await;
    assert_eq!(intents[0].item, item);
    let batch = to_queue(held, &intents, UnknownPolicy::Resend);
    store.queue_mails(batch.clone()).await.unwrap();
    let sent = mails(&*store, claim(2, LONG, 10)).await;
    let (first, row) = (&sent[0], &batch.rows[0]);
    assert_eq!((first.id, first.attempts, first.on_unknown), (row.id, 0, UnknownPolicy::Resend));
    assert_eq!((&first.text, &first.html), (&row.rendered.text, &row.rendered.html));
    assert_eq!((first.to.clone(), first.subject.as_str()), (item.to, item.subject.as_str()));
    assert_eq!(first.to_name.as_deref(), item.to_name.as_ref().map(|name| name.as_str()));
    assert_eq!((&first.template, &first.unsubscribe_token), (&item.template, &row.unsubscribe_token));
    assert_eq!((sent[1].to_name.clone(), sent[1].attachments.len()), (None, 0));
}

fn file(n: u128, size: usize) -> StoredAttachment {
    StoredAttachment {
        id: AttachmentId(uuid::Uuid::from_u128(n)),
        file: Attachment {
            name: format!("bericht-{n}-ü.pdf"),
            content_type: "application/pdf".to_owned(),
            bytes: vec![u8::try_from(n % 200).unwrap(); size].into(),
        },
    }
}

/// Mails to these addresses that all name the file.
fn mails_with(key: u128, file: &StoredAttachment, addresses: &[&str]) -> MailEnqueue {
    let with = |address: &&str| MailItem { attachments: vec![file.id], ..mail_to(address) };
    MailEnqueue { key: event(key), items: addresses.iter().map(with).collect(), attachments: vec![file.clone()] }
}

/// It may be needed until then: by one that waits, and by one that a person may send again.
pub async fn a_file_is_forgotten_when_its_last_mail_is_sent(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let file = file(1, 1_000);
    let addresses = ["a@example.com", "b@example.com", "c@example.com"];
    store.enqueue_mails(mails_with(1, &file, &addresses)).await.unwrap();
    queue_all(&*store, UnknownPolicy::Hold).await;
    let held = claim(1, LONG, 2);
    let ids: Vec<_> = mails(&*store, held).await.iter().map(|mail| mail.id).collect();
    store.progress_mails(MailProgress { claim: held.id, reports: Vec::new(), sending: ids.clone() }).await.unwrap();
    let failed = MailOutcome::Failed { error: "no".to_owned(), suppress: false };
    let reports =
        [(ids[0], MailOutcome::Sent), (ids[1], failed)].map(|(id, outcome)| MailReport { id, attempts: 1, outcome });
    let progress = MailProgress { claim: held.id, reports: reports.to_vec(), sending: Vec::new() };
    store.progress_mails(progress).await.unwrap();
    assert_eq!(store.attachments(&[file.id]).await.unwrap(), std::slice::from_ref(&file));
    // The third one is not sent at all.
    store.suppress(&mail_to(addresses[2]).to, SuppressionReason::Unsubscribed).await.unwrap();
    assert_eq!(mails(&*store, claim(2, LONG, 10)).await, []);
    assert_eq!(
        store.attachments(&[file.id]).await.unwrap(),
        std::slice::from_ref(&file),
        "the second one can be sent again"
    );
    assert_eq!(store.resend(Resend::One(ids[1])).await.unwrap(), 1);
    let held = claim(3, LONG, 10);
    let [mail] = &mails(&*store, held).await[..] else { panic!("one mail") };
    assert_eq!(store.attachments(&mail.attachments).await.unwrap(), std::slice::from_ref(&file));
    store.progress_mails(MailProgress { claim: held.id, reports: Vec::new(), sending: vec![mail.id] }).await.unwrap();
    let reports = vec![MailReport { id: mail.id, attempts: 1, outcome: MailOutcome::Sent }];
    store.progress_mails(MailProgress { claim: held.id, reports, sending: Vec::new() }).await.unwrap();
    assert_eq!(store.attachments(&[file.id]).await.unwrap(), []);
}

/// And has room again when they are sent.
pub async fn a_store_full_of_files_takes_no_more(harness: &dyn NotificationHarness) {
    let Some(max) = harness.files_max() else { return };
    let store = harness.store();
    let size = usize::try_from(max).unwrap() - 150_000;
    let first = mails_with(1, &file(1, size), &["a@example.com"]);
    store.enqueue_mails(first.clone()).await.unwrap();
    let second = mails_with(2, &file(2, 149_000), &["b@example.com"]);
    let full = store.enqueue_mails(second.clone()).await;
    assert!(matches!(full, Err(NotificationStoreError::Full(_))), "{full:?}");
    let with_file = Acceptance { attachments: second.attachments.clone(), ..acceptance(3, vec![for_user(3, user(1))]) };
    let full = store.accept(with_file.clone()).await;
    assert!(matches!(full, Err(NotificationStoreError::Full(_))), "{full:?}");
    assert_eq!(store.deliveries(notification(3)).await.unwrap(), None, "nothing was written");
    assert_eq!(store.enqueue_mails(first).await.unwrap(), 0, "what stands needs no room");
    store.enqueue_mails(mails_with(4, &file(4, 100_000), &["c@example.com"])).await.unwrap();
    // Files without bytes take room, too.
    let mut empty = 0;
    while store.enqueue_mails(mails_with(100 + empty, &file(100 + empty, 0), &["d@example.com"])).await.is_ok() {
        empty += 1;
        assert!(empty < 100);
    }
    queue_all(&*store, UnknownPolicy::Hold).await;
    let held = claim(1, LONG, 1);
    let sent = mails(&*store, held).await[0].id;
    store.progress_mails(MailProgress { claim: held.id, reports: Vec::new(), sending: vec![sent] }).await.unwrap();
    let reports = vec![MailReport { id: sent, attempts: 1, outcome: MailOutcome::Sent }];
    store.progress_mails(MailProgress { claim: held.id, reports, sending: Vec::new() }).await.unwrap();
    store.enqueue_mails(second).await.unwrap();
}

/// However many mails name them.
pub async fn files_are_stored_once(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let files = vec![file(1, 100_000), file(2, 0)];
    let with = |address: &str| {
        let mut item = mail_to(address);
        item.attachments = files.iter().rev().map(|file| file.id).collect();
        item
    };
    let items = vec![with("a@example.com"), with("b@example.com")];
    let mails_with_files = MailEnqueue { key: event(1), items, attachments: files.clone() };
    store.enqueue_mails(mails_with_files).await.unwrap();
    queue_all(&*store, UnknownPolicy::Hold).await;
    let sent = mails(&*store, claim(1, LONG, 10)).await;
    for mail in &sent {
        let found = store.attachments(&mail.attachments).await.unwrap();
        assert_eq!(found, [files[1].clone(), files[0].clone()], "in the order of the mail");
    }
    assert_eq!(store.attachments(&[]).await.unwrap(), []);
}
