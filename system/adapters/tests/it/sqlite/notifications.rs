//! The store of notifications: what is particular to a file.

use std::collections::BTreeSet;

use domain::conformance::notifications::samples::*;
use domain::notification::model::DeliveryStatus;
use domain::ports::*;
use futures_util::future::join_all;

use super::support::{Database, HOURS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_there_after_a_restart() {
    let mut database = Database::new().await;
    let store = database.sqlite.notifications();
    store.register(app(1, user(1))).await.unwrap();
    accepted(&store, 1).await;
    assert_eq!(pushes(&store, claim(1, LONG, 10)).await.len(), 1);
    database.sqlite.close().await.unwrap();
    database.sqlite = database.another().await;
    let store = database.sqlite.notifications();
    assert!(!accepted(&store, 1).await.users[0].is_new);
    assert!(pushes(&store, claim(2, LONG, 10)).await.is_empty(), "the claim lives on");
    database.clock.advance(i64::try_from(LONG.as_micros()).unwrap());
    assert_eq!(pushes(&store, claim(3, LONG, 10)).await.len(), 1);
    assert_eq!(mail_intents(&store, claim(4, LONG, 10)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_goes_back_stops_nothing() {
    let database = Database::new().await;
    let store = database.sqlite.notifications();
    store.register(app(1, user(1))).await.unwrap();
    database.clock.advance(24 * HOURS);
    accepted(&store, 1).await;
    accepted(&store, 2).await;
    assert_eq!(pushes(&store, claim(1, LONG, 1)).await.len(), 1);
    database.clock.advance(-24 * HOURS);
    // What nobody holds, and what was held until a time that is a day away now.
    assert_eq!(pushes(&store, claim(2, LONG, 10)).await.len(), 2);
    assert!(pushes(&store, claim(3, LONG, 10)).await.is_empty());
}

/// What is under way may have gone out: it is not freed, and nobody is told again and again that something is due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_under_way_keeps_nobody_busy_when_the_clock_goes_back() {
    let database = Database::new().await;
    let store = database.sqlite.notifications();
    database.clock.advance(24 * HOURS);
    accepted(&store, 1).await;
    queue_all(&store, UnknownPolicy::Hold).await;
    let held = claim(1, LONG, 1);
    let sending = mails(&store, held).await.iter().map(|mail| mail.id).collect();
    store.progress_mails(MailProgress { claim: held.id, reports: Vec::new(), sending }).await.unwrap();
    database.clock.advance(-24 * HOURS);
    let claimed = store.claim_mails(claim(2, LONG, 10)).await.unwrap();
    assert_eq!((claimed.mails.len(), claimed.held), (0, 0));
    assert!(claimed.next_due.is_some_and(|due| due > CLAIM_LIFE_MAX), "{:?}", claimed.next_due);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_work() {
    let database = Database::new().await;
    let another = database.another().await;
    let stores = [database.sqlite.notifications(), another.notifications()];
    stores[0].register(app(1, user(1))).await.unwrap();
    let accept = |n: u128| {
        let store = &stores[usize::try_from(n % 2).unwrap()];
        async move { store.accept(acceptance(n / 2, vec![for_user(n, user(1))])).await.unwrap() }
    };
    // Each event comes to both.
    let accepted = join_all((0..60).map(accept)).await;
    assert_eq!(accepted.iter().filter(|accepted| accepted.users[0].is_new).count(), 30);
    let claims = join_all((0..12).map(|n| pushes(&stores[usize::try_from(n % 2).unwrap()], claim(n, LONG, 5)))).await;
    let ids: Vec<_> = claims.into_iter().flatten().map(|push| push.id).collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (30, 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_a_hundred_mails_is_queued_whole() {
    let database = Database::new().await;
    let store = database.sqlite.notifications();
    let items = (0..100).map(|n| mail_to(&format!("user{n}@example.com"))).collect();
    store.enqueue_mails(MailEnqueue { key: event(1), items, attachments: Vec::new() }).await.unwrap();
    queue_all(&store, UnknownPolicy::Hold).await;
    let sent = mails(&store, claim(1, LONG, 1_000)).await;
    assert_eq!(sent.len(), 100);
    assert_eq!(sent.iter().map(|mail| mail.unsubscribe_token.clone()).collect::<BTreeSet<_>>().len(), 100);
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM NheaMailQueue").fetch_one(&mut database.bare().await).await.unwrap();
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM MailIntents").fetch_one(&mut database.bare().await).await.unwrap();
    assert_eq!((rows, left), (100, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_users_are_accepted_at_once() {
    let database = Database::new().await;
    let store = database.sqlite.notifications();
    for n in 0..1_200 {
        // Some of them with devices.
        if n % 100 == 0 {
            store.register(app(n, user(n))).await.unwrap();
            store.register(browser(n + 1, user(n))).await.unwrap();
        }
    }
    let users = (0..1_200).map(|n| for_user(n, user(n))).collect();
    let accepted = store.accept(acceptance(1, users)).await.unwrap().users;
    assert_eq!(accepted.iter().map(|user| user.devices).sum::<u32>(), 24);
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.pushes, backlog.mail_intents), (24, 1_200));
    let of_first = deliveries(&store, 0).await;
    assert!(of_first.iter().all(|one| matches!(one.status, DeliveryStatus::Sent | DeliveryStatus::Pending)));
    assert_eq!(of_first.len(), 4);
}
