//! Claims of pushes; those of mails work in the same way.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::NotificationHarness;
use super::samples::*;
use crate::notification::model::{Channel, DeliveryStatus};
use crate::ports::{Claim, NotificationStore, PushIntent, PushOutcome, PushReport};

/// `n` pushes wait.
async fn waiting(store: &dyn NotificationStore, n: u128) {
    store.register(app(1, user(1))).await.unwrap();
    for n in 1..=n {
        accepted(store, n).await;
    }
}

fn report(intent: &PushIntent, outcome: PushOutcome) -> PushReport {
    PushReport { id: intent.id, attempts: intent.attempts + 1, outcome }
}

async fn push_status(store: &dyn NotificationStore, n: u128) -> (DeliveryStatus, u32, Option<String>) {
    let all = deliveries(store, n).await;
    let one = all.into_iter().find(|one| one.channel == Channel::PushNotification).expect("a push");
    (one.status, one.attempts, one.last_error)
}

/// While the claim lives; in the order in which it came, and no more than wanted.
pub async fn what_is_claimed_is_nobody_elses(harness: &dyn NotificationHarness) {
    let store = harness.store();
    assert_eq!(store.claim_pushes(claim(9, LONG, 5)).await.unwrap().next_due, None);
    waiting(&*store, 5).await;
    let first = pushes(&*store, claim(1, LONG, 3)).await;
    assert_eq!(first.iter().map(|one| one.notification_id).collect::<Vec<_>>(), [1, 2, 3].map(notification));
    let second = pushes(&*store, claim(2, LONG, 3)).await;
    assert_eq!(second.iter().map(|one| one.notification_id).collect::<Vec<_>>(), [4, 5].map(notification));
    let third = store.claim_pushes(claim(3, LONG, 3)).await.unwrap();
    assert_eq!(third.items, []);
    let next = third.next_due.expect("the first claim ends some time");
    assert!(next <= LONG && next > LONG / 2, "{next:?}");
}

/// At the same moment.
pub async fn of_several_that_claim_each_gets_its_own(harness: &dyn NotificationHarness) {
    let store = harness.store();
    waiting(&*store, 40).await;
    let claims = join_all((0..8).map(|n| store.claim_pushes(claim(n, LONG, 5)))).await;
    let ids: Vec<_> = claims.into_iter().flat_map(|one| one.unwrap().items).map(|one| one.id).collect();
    assert_eq!(ids.len(), 40);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 40);
}

/// Without a word of its holder, who may still report as long as nobody took over.
pub async fn a_claim_ends_by_itself(harness: &dyn NotificationHarness) {
    let store = harness.store();
    waiting(&*store, 2).await;
    let first = pushes(&*store, claim(1, SHORT, 10)).await;
    assert_eq!(first.len(), 2);
    assert_eq!(pushes(&*store, claim(2, LONG, 10)).await, []);
    harness.pass(SHORT).await;
    let late = vec![report(&first[0], PushOutcome::Sent)];
    assert_eq!(store.report_pushes(claim(1, SHORT, 0).id, late).await.unwrap(), []);
    let second = pushes(&*store, claim(3, LONG, 10)).await;
    assert_eq!(second.iter().map(|one| one.id).collect::<Vec<_>>(), [first[1].id]);
}

/// Whatever they say.
pub async fn results_of_a_lost_claim_are_refused(harness: &dyn NotificationHarness) {
    let store = harness.store();
    waiting(&*store, 2).await;
    let lost = pushes(&*store, claim(1, SHORT, 10)).await;
    harness.pass(SHORT).await;
    let held: Claim = claim(2, LONG, 10);
    assert_eq!(pushes(&*store, held).await.len(), 2);
    let both = vec![
        report(&lost[0], PushOutcome::Failed { error: "late".to_owned() }),
        report(&lost[1], PushOutcome::Removed { error: "late".to_owned() }),
    ];
    let refused = store.report_pushes(claim(1, SHORT, 0).id, both).await.unwrap();
    assert_eq!(refused, [lost[0].id, lost[1].id]);
    assert_eq!(push_status(&*store, 1).await, (DeliveryStatus::Pending, 0, None));
    assert_eq!(store.devices(user(1)).await.unwrap().len(), 1, "nor is a device removed");
    let sent = vec![report(&lost[0], PushOutcome::Sent)];
    assert_eq!(store.report_pushes(held.id, sent.clone()).await.unwrap(), []);
    assert_eq!(store.report_pushes(held.id, sent).await.unwrap(), [], "the same report again is no harm");
}

/// What it held; and only that.
pub async fn a_released_claim_is_free_at_once(harness: &dyn NotificationHarness) {
    let store = harness.store();
    waiting(&*store, 3).await;
    let first = pushes(&*store, claim(1, LONG, 2)).await;
    pushes(&*store, claim(2, LONG, 1)).await;
    store.report_pushes(claim(1, LONG, 0).id, vec![report(&first[0], PushOutcome::Sent)]).await.unwrap();
    store.release(claim(1, LONG, 0).id).await.unwrap();
    store.release(claim(7, LONG, 0).id).await.unwrap();
    let free = pushes(&*store, claim(3, LONG, 10)).await;
    assert_eq!(free.iter().map(|one| one.id).collect::<Vec<_>>(), [first[1].id]);
}

/// Not before, whoever asks; and it is known when.
pub async fn what_is_to_be_tried_later_comes_later(harness: &dyn NotificationHarness) {
    let store = harness.store();
    waiting(&*store, 1).await;
    let held = claim(1, LONG, 10);
    let intent = pushes(&*store, held).await.remove(0);
    let later = PushOutcome::Retry { after: SHORT, error: "busy".to_owned() };
    store.report_pushes(held.id, vec![report(&intent, later)]).await.unwrap();
    assert_eq!(push_status(&*store, 1).await, (DeliveryStatus::Pending, 1, Some("busy".to_owned())));
    let early = store.claim_pushes(claim(2, LONG, 10)).await.unwrap();
    assert_eq!(early.items, []);
    let due = early.next_due.expect("it waits");
    assert!(due <= SHORT && due > Duration::ZERO, "{due:?}");
    harness.pass(SHORT).await;
    let again = pushes(&*store, claim(3, LONG, 10)).await;
    assert_eq!((again.len(), again[0].id, again[0].attempts), (1, intent.id, 1));
}

/// With their attempts and errors.
pub async fn results_are_written_down(harness: &dyn NotificationHarness) {
    let store = harness.store();
    waiting(&*store, 2).await;
    let held = claim(1, LONG, 10);
    let intents = pushes(&*store, held).await;
    let failed = PushOutcome::Failed { error: "refused '\"".to_owned() };
    let reports =
        vec![PushReport { attempts: 5, ..report(&intents[0], failed) }, report(&intents[1], PushOutcome::Sent)];
    assert_eq!(store.report_pushes(held.id, reports).await.unwrap(), []);
    assert_eq!(push_status(&*store, 1).await, (DeliveryStatus::Failed, 5, Some("refused '\"".to_owned())));
    assert_eq!(push_status(&*store, 2).await, (DeliveryStatus::Sent, 1, None));
    let left = store.claim_pushes(claim(2, LONG, 10)).await.unwrap();
    assert_eq!((left.items, left.next_due), (Vec::new(), None));
    assert_eq!(store.report_pushes(held.id, Vec::new()).await.unwrap(), []);
}

/// Also what waits for it already.
pub async fn a_device_that_is_gone_gets_nothing_more(harness: &dyn NotificationHarness) {
    let store = harness.store();
    waiting(&*store, 3).await;
    let held = claim(1, LONG, 1);
    let intent = pushes(&*store, held).await.remove(0);
    let gone = PushOutcome::Removed { error: "410".to_owned() };
    store.report_pushes(held.id, vec![report(&intent, gone)]).await.unwrap();
    assert_eq!(push_status(&*store, 1).await, (DeliveryStatus::Removed, 1, Some("410".to_owned())));
    assert_eq!(store.devices(user(1)).await.unwrap(), []);
    assert_eq!(pushes(&*store, claim(2, LONG, 10)).await, []);
    assert_eq!(push_status(&*store, 2).await.0, DeliveryStatus::Removed);
    assert_eq!(push_status(&*store, 3).await.0, DeliveryStatus::Removed);
}

/// Until it does.
pub async fn a_device_that_must_subscribe_again_is_skipped(harness: &dyn NotificationHarness) {
    let store = harness.store();
    waiting(&*store, 2).await;
    let held = claim(1, LONG, 1);
    let intent = pushes(&*store, held).await.remove(0);
    let flagged = PushOutcome::MustResubscribe { error: "403".to_owned() };
    store.report_pushes(held.id, vec![report(&intent, flagged)]).await.unwrap();
    assert_eq!(push_status(&*store, 1).await, (DeliveryStatus::Failed, 1, Some("403".to_owned())));
    assert!(store.devices(user(1)).await.unwrap()[0].must_resubscribe);
    assert_eq!(pushes(&*store, claim(2, LONG, 10)).await, []);
    assert_eq!(push_status(&*store, 2).await.0, DeliveryStatus::Skipped);
    store.register(app(1, user(1))).await.unwrap();
    accepted(&*store, 3).await;
    assert_eq!(pushes(&*store, claim(3, LONG, 10)).await.len(), 1);
}
