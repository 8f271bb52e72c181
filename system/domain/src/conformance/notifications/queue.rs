//! Mails on their way out.

use std::time::Duration;

use super::NotificationHarness;
use super::samples::*;
use crate::notification::model::{Channel, DeliveryId, DeliveryStatus, MailAddress};
use crate::ports::{
    MailEnqueue, MailOutcome, MailProgress, MailReport, NotificationStore, SuppressionCursor, SuppressionReason,
    UnknownPolicy,
};

/// Mails of notifications 1 to `n` are in the queue, all of user 1.
async fn queued(store: &dyn NotificationStore, n: u128, on_unknown: UnknownPolicy) {
    for n in 1..=n {
        accepted(store, n).await;
    }
    queue_all(store, on_unknown).await;
}

async fn status(store: &dyn NotificationStore, n: u128) -> (DeliveryStatus, u32, Option<String>) {
    let all = deliveries(store, n).await;
    let one = all.into_iter().find(|one| one.channel == Channel::Email).expect("a mail");
    (one.status, one.attempts, one.last_error)
}

fn step(claim: u128, reports: Vec<MailReport>, sending: &[DeliveryId]) -> MailProgress {
    MailProgress { claim: super::samples::claim(claim, LONG, 0).id, reports, sending: sending.to_vec() }
}

fn report(id: DeliveryId, attempts: u32, outcome: MailOutcome) -> MailReport {
    MailReport { id, attempts, outcome }
}

/// By the claim that holds it, and nobody else.
pub async fn a_mail_is_marked_before_it_goes(harness: &dyn NotificationHarness) {
    let store = harness.store();
    queued(&*store, 2, UnknownPolicy::Hold).await;
    let ids: Vec<_> = mails(&*store, claim(1, LONG, 10)).await.iter().map(|mail| mail.id).collect();
    assert_eq!(store.progress_mails(step(2, Vec::new(), &ids)).await.unwrap(), [], "another claim");
    assert_eq!(status(&*store, 1).await.0, DeliveryStatus::Queued);
    assert_eq!(store.progress_mails(step(1, Vec::new(), &ids[..1])).await.unwrap(), ids[..1]);
    assert_eq!(status(&*store, 1).await.0, DeliveryStatus::Sending);
    let next = step(1, vec![report(ids[0], 1, MailOutcome::Sent)], &ids[1..]);
    assert_eq!(store.progress_mails(next).await.unwrap(), ids[1..]);
    assert_eq!(status(&*store, 1).await, (DeliveryStatus::Sent, 1, None));
    assert_eq!(status(&*store, 2).await.0, DeliveryStatus::Sending);
    assert_eq!(store.progress_mails(step(1, Vec::new(), &ids[..1])).await.unwrap(), [], "it is sent");
}

/// At most once: what its sender knew, nobody knows.
pub async fn a_mail_under_way_is_held_when_its_sender_is_gone(harness: &dyn NotificationHarness) {
    let store = harness.store();
    queued(&*store, 2, UnknownPolicy::Hold).await;
    let ids: Vec<_> = mails(&*store, claim(1, SHORT, 10)).await.iter().map(|mail| mail.id).collect();
    store.progress_mails(step(1, Vec::new(), &ids[..1])).await.unwrap();
    store.release(claim(1, SHORT, 0).id).await.unwrap();
    let released = mails(&*store, claim(2, SHORT, 10)).await;
    assert_eq!(released.iter().map(|mail| mail.id).collect::<Vec<_>>(), ids[1..], "what is under way is not released");
    harness.pass(SHORT).await;
    let taken = store.claim_mails(claim(3, LONG, 10)).await.unwrap();
    assert_eq!(taken.held, 1);
    assert_eq!(taken.mails.iter().map(|mail| mail.id).collect::<Vec<_>>(), ids[1..]);
    assert_eq!(status(&*store, 1).await.0, DeliveryStatus::Unknown);
    assert_eq!(status(&*store, 2).await.0, DeliveryStatus::Queued);
    let late = step(1, vec![report(ids[0], 1, MailOutcome::Failed { error: "late".to_owned(), suppress: true })], &[]);
    store.progress_mails(late).await.unwrap();
    assert_eq!(store.claim_mails(claim(4, LONG, 10)).await.unwrap().held, 0);
}

/// At least once.
pub async fn a_mail_under_way_is_sent_again_where_that_is_wanted(harness: &dyn NotificationHarness) {
    let store = harness.store();
    queued(&*store, 1, UnknownPolicy::Resend).await;
    let id = mails(&*store, claim(1, SHORT, 10)).await[0].id;
    store.progress_mails(step(1, Vec::new(), &[id])).await.unwrap();
    assert!(mails(&*store, claim(2, LONG, 10)).await.is_empty());
    harness.pass(SHORT).await;
    let again = store.claim_mails(claim(3, LONG, 10)).await.unwrap();
    assert_eq!((again.held, again.mails.len(), again.mails[0].id, again.mails[0].attempts), (0, 1, id, 1));
    store.progress_mails(step(1, vec![report(id, 1, MailOutcome::Sent)], &[])).await.unwrap();
    assert_eq!(status(&*store, 1).await.0, DeliveryStatus::Queued, "the first claim is over");
}

/// Each of them.
pub async fn outcomes_of_mails_are_written_down(harness: &dyn NotificationHarness) {
    let store = harness.store();
    queued(&*store, 4, UnknownPolicy::Hold).await;
    let ids: Vec<_> = mails(&*store, claim(1, LONG, 10)).await.iter().map(|mail| mail.id).collect();
    store.progress_mails(step(1, Vec::new(), &ids)).await.unwrap();
    let text = |text: &str| text.to_owned();
    let reports = vec![
        report(ids[0], 1, MailOutcome::Sent),
        report(ids[1], 1, MailOutcome::Retry { after: SHORT, error: text("451") }),
        report(ids[2], 2, MailOutcome::Failed { error: text("554 '\""), suppress: false }),
        report(ids[3], 3, MailOutcome::Unknown { error: text("broke"), after: Duration::ZERO }),
    ];
    store.progress_mails(step(1, reports, &[])).await.unwrap();
    assert_eq!(status(&*store, 1).await, (DeliveryStatus::Sent, 1, None));
    assert_eq!(status(&*store, 2).await, (DeliveryStatus::Queued, 1, Some(text("451"))));
    assert_eq!(status(&*store, 3).await, (DeliveryStatus::Failed, 2, Some(text("554 '\""))));
    assert_eq!(status(&*store, 4).await, (DeliveryStatus::Unknown, 3, Some(text("broke"))));
    let early = store.claim_mails(claim(2, LONG, 10)).await.unwrap();
    assert_eq!(early.mails, []);
    assert!(early.next_due.is_some_and(|due| due <= SHORT), "{early:?}");
    harness.pass(SHORT).await;
    assert_eq!(mails(&*store, claim(3, LONG, 10)).await.iter().map(|mail| mail.id).collect::<Vec<_>>(), [ids[1]]);
}

/// Neither the mails that wait, nor those that come.
pub async fn a_refused_recipient_is_not_written_to_again(harness: &dyn NotificationHarness) {
    let store = harness.store();
    queued(&*store, 2, UnknownPolicy::Hold).await;
    let id = mails(&*store, claim(1, LONG, 1)).await[0].id;
    store.progress_mails(step(1, Vec::new(), &[id])).await.unwrap();
    let refused = MailOutcome::Failed { error: "550 no such user".to_owned(), suppress: true };
    store.progress_mails(step(1, vec![report(id, 1, refused)], &[])).await.unwrap();
    assert_eq!(mails(&*store, claim(2, LONG, 10)).await, []);
    assert_eq!(status(&*store, 2).await.0, DeliveryStatus::Suppressed);
    accepted(&*store, 3).await;
    queue_all(&*store, UnknownPolicy::Hold).await;
    assert_eq!(mails(&*store, claim(3, LONG, 10)).await, []);
    assert_eq!(status(&*store, 3).await.0, DeliveryStatus::Suppressed);
    let listed = store.suppressions(None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].reason, SuppressionReason::Refused);
}

/// Once its token came; again and again, with the same answer.
pub async fn an_unsubscribed_address_is_not_written_to(harness: &dyn NotificationHarness) {
    let store = harness.store();
    queued(&*store, 1, UnknownPolicy::Hold).await;
    let mail = mails(&*store, claim(1, LONG, 10)).await.remove(0);
    assert!(!store.unsubscribe("no such token").await.unwrap());
    assert!(store.unsubscribe(&mail.unsubscribe_token).await.unwrap());
    assert!(store.unsubscribe(&mail.unsubscribe_token).await.unwrap());
    let listed = store.suppressions(None, 10).await.unwrap();
    assert_eq!((listed.len(), &listed[0].address), (1, &mail.to.folded()));
    assert_eq!(listed[0].reason, SuppressionReason::Unsubscribed);
    store.release(claim(1, LONG, 0).id).await.unwrap();
    assert_eq!(mails(&*store, claim(2, LONG, 10)).await, []);
}

/// Neither a refusal before nor one after makes that forgotten.
pub async fn unsubscribing_goes_over_a_refusal(harness: &dyn NotificationHarness) {
    let store = harness.store();
    queued(&*store, 1, UnknownPolicy::Hold).await;
    let mail = mails(&*store, claim(1, LONG, 10)).await.remove(0);
    let other = MailAddress::new("bert@example.com").unwrap();
    for address in [&mail.to, &other] {
        store.suppress(address, SuppressionReason::Refused).await.unwrap();
    }
    harness.pass(SHORT).await;
    let refused = store.suppressions(None, 10).await.unwrap();
    assert!(store.unsubscribe(&mail.unsubscribe_token).await.unwrap());
    store.suppress(&other, SuppressionReason::Unsubscribed).await.unwrap();
    for address in [&mail.to, &other] {
        store.suppress(address, SuppressionReason::Refused).await.unwrap();
    }
    let listed = store.suppressions(None, 10).await.unwrap();
    assert!(listed.iter().all(|one| one.reason == SuppressionReason::Unsubscribed), "{listed:?}");
    assert!(listed.len() == 2 && listed.iter().all(|one| refused.iter().all(|before| one.since > before.since)));
}

/// Each once, in pages of any size, also those of one moment.
pub async fn suppressions_come_in_pages(harness: &dyn NotificationHarness) {
    let store = harness.store();
    for n in 0..7 {
        let address = MailAddress::new(format!("user{n}@example.com")).unwrap();
        store.suppress(&address, SuppressionReason::Refused).await.unwrap();
        if n % 3 == 2 {
            harness.pass(SHORT).await;
        }
    }
    let all = store.suppressions(None, 10).await.unwrap();
    assert_eq!(all.len(), 7);
    for size in [1, 2, 3, 7] {
        let (mut paged, mut after) = (Vec::new(), None);
        while paged.len() < 100 {
            let page = store.suppressions(after, size).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(SuppressionCursor { since: last.since, address: last.address.clone() });
            paged.extend(page);
        }
        assert_eq!(paged, all, "{size}");
    }
}

/// The first reason stays, but for one's own wish.
pub async fn suppressions_can_be_taken_back(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let address = |text: &str| MailAddress::new(text).unwrap();
    store.suppress(&address("Anna@Example.com"), SuppressionReason::Unsubscribed).await.unwrap();
    harness.pass(SHORT).await;
    store.suppress(&address("bert@example.com"), SuppressionReason::Refused).await.unwrap();
    store.suppress(&address("anna@example.com"), SuppressionReason::Refused).await.unwrap();
    let listed = store.suppressions(None, 10).await.unwrap();
    let named: Vec<_> = listed.iter().map(|one| (one.address.as_str(), one.reason)).collect();
    let expected =
        [("bert@example.com", SuppressionReason::Refused), ("anna@example.com", SuppressionReason::Unsubscribed)];
    assert_eq!(named, expected);
    assert_eq!(store.suppressions(None, 1).await.unwrap().len(), 1);
    assert!(store.unsuppress(&address("ANNA@example.com")).await.unwrap());
    assert!(!store.unsuppress(&address("anna@example.com")).await.unwrap());
    let items = vec![mail_to("anna@example.com"), mail_to("bert@example.com")];
    store.enqueue_mails(MailEnqueue { key: event(1), items, attachments: Vec::new() }).await.unwrap();
    queue_all(&*store, UnknownPolicy::Hold).await;
    let sent = mails(&*store, claim(1, LONG, 10)).await;
    assert_eq!(sent.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["anna@example.com"]);
}
