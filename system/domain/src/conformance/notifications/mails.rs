//! Mails on their way into the queue.

use super::NotificationHarness;
use super::samples::*;
use crate::model::UserId;
use crate::notification::model::{AttachmentId, Channel, DeliveryStatus, StoredAttachment};
use crate::ports::{Attachment, MailEnqueue, MailsToQueue, UnknownPolicy};

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

/// However many mails name them.
pub async fn files_are_stored_once(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let file = |n: u128, size: usize| StoredAttachment {
        id: AttachmentId(uuid::Uuid::from_u128(n)),
        file: Attachment {
            name: format!("bericht-{n}-ü.pdf"),
            content_type: "application/pdf".to_owned(),
            bytes: vec![u8::try_from(n).unwrap(); size].into(),
        },
    };
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
