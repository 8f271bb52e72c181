//! Messages, requests that their callers named, the inbox, and what users say about themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use adapters::memory::NotificationFault;
use domain::notification::NotificationError;
use domain::notification::model::{
    ChannelSet, DeliveryStatus, NotificationId, RegisterDevice, SendNotification, SetPreferences,
};
use domain::notification::operations::{Message, NamedRequest};
use domain::ports::{InboxStart, PushTarget, Resend};
use futures_util::future::join_all;

use super::fakes::Does;
use super::world::{World, app, browser, completed, message, ms, until, user};
use crate::support::uuid;

fn request(key: &str, body: &[u8]) -> NamedRequest {
    NamedRequest::new(user(9), key, "POST /notifications", body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_repeated_is_answered_and_does_nothing() {
    let world = World::new();
    let device = world.user_with(1, 1).await.remove(0);
    let node = world.start("a");
    let named = request("k", b"body");
    let first = node.operations.send(message(1), Some(&named)).await.unwrap();
    let again = node.operations.send(message(1), Some(&named)).await.unwrap();
    assert_eq!((again.id, first.replayed, again.replayed), (first.id, false, true));
    let other = node.operations.send(message(1), Some(&request("k", b"other"))).await;
    assert!(matches!(other, Err(NotificationError::IdempotencyMismatch)));
    world.settled(ms(5_000)).await;
    assert_eq!((world.inbox(1).await.len(), world.push.attempts_to(&device).len()), (1, 1));
    let without = node.operations.send(message(1), None).await.unwrap();
    assert_ne!(without.id, first.id);
    world.clock.step(Duration::from_secs(25 * 60 * 60));
    let later = node.operations.send(message(1), Some(&named)).await.unwrap();
    assert!(!later.replayed, "a day later it is another one");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_twice_at_once_does_it_once() {
    let world = World::new();
    world.user_with(1, 1).await;
    let node = world.idle();
    let named = request("k", b"body");
    let both = join_all((0..4).map(|_| node.operations.send(message(1), Some(&named)))).await;
    let ids: BTreeSet<NotificationId> = both.into_iter().map(|sent| sent.unwrap().id).collect();
    assert_eq!((ids.len(), world.inbox(1).await.len()), (1, 1));
    // One whose answer was lost, too.
    world.store.faults().once("accept", NotificationFault::After);
    let named = request("l", b"body");
    assert!(node.operations.send(message(1), Some(&named)).await.is_err());
    assert!(node.operations.send(message(1), Some(&named)).await.unwrap().replayed);
    assert_eq!(world.inbox(1).await.len(), 2);
}

#[test]
fn a_key_is_printable_and_short() {
    for bad in ["", "ü", "a\nb", &"x".repeat(256)] {
        let refused = NamedRequest::new(user(9), bad, "r", b"");
        assert!(matches!(refused, Err(NotificationError::Invalid(_))), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_no_address_gets_the_rest() {
    let world = World::new();
    let node = world.start("a");
    node.operations.send(message(3), None).await.unwrap();
    world.settled(ms(5_000)).await;
    let statuses: Vec<_> = world.deliveries(3).await.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [DeliveryStatus::Sent, DeliveryStatus::Skipped]);
    assert_eq!(world.mail.taken().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_inbox_is_ones_own() {
    let world = World::new();
    let node = world.idle();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(node.operations.send(message(1), None).await.unwrap().id);
    }
    let page = node.manager.list(user(1), InboxStart::Skip(0), 2).await.unwrap();
    assert_eq!((page.total, page.items.len(), page.more), (3, 2, true));
    for (start, take) in [(InboxStart::Skip(0), 0), (InboxStart::Skip(0), 101), (InboxStart::Skip(u32::MAX), 1)] {
        assert!(matches!(node.manager.list(user(1), start, take).await, Err(NotificationError::Invalid(_))));
    }
    assert_eq!(node.manager.unread_count(user(1)).await.unwrap(), 3);
    let read = node.manager.read(user(1), ids[0]).await.unwrap();
    tokio::time::sleep(ms(10)).await;
    assert_eq!(node.manager.read(user(1), ids[0]).await.unwrap(), read, "the first time counts");
    assert!(matches!(node.manager.read(user(2), ids[1]).await, Err(NotificationError::NotFound)));
    assert_eq!(node.manager.read_all(user(1), None).await.unwrap(), 2);
    assert_eq!(node.manager.unread_count(user(1)).await.unwrap(), 0);
    let log = node.operations.deliveries(ids[0], user(1), false).await.unwrap();
    assert_eq!(log.user_id, user(1));
    let foreign = node.operations.deliveries(ids[0], user(2), false).await;
    assert!(matches!(foreign, Err(NotificationError::NotFound)));
    assert!(node.operations.deliveries(ids[0], user(2), true).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_sent_again() {
    let world = World::new();
    let device = world.user_with(1, 1).await.remove(0);
    world.push.usually(Does::Says(domain::ports::PushError::Rejected { status: 400, reason: "no".to_owned() }));
    let node = world.start("a");
    world.complete(&completed(1, 1)).await;
    until("it came", ms(500), async || !world.inbox(1).await.is_empty()).await;
    world.settled(ms(5_000)).await;
    world.push.usually(Does::Takes);
    let failed = world.deliveries(1).await.into_iter().find(|one| one.status == DeliveryStatus::Failed).unwrap();
    assert_eq!(node.operations.resend(Resend::One(failed.id)).await.unwrap(), 1);
    world.settled(ms(5_000)).await;
    assert_eq!(world.push.shown(&device), 1);
    assert!(world.deliveries(1).await.iter().all(|one| one.status == DeliveryStatus::Sent));
}

#[tokio::test(start_paused = true)]
async fn devices_are_checked_by_their_gateway() {
    let world = World::new();
    let node = world.idle();
    let of = |target| RegisterDevice { target, os_version: None, vapid_key_id: None };
    let registered = node.registry.register(user(1), of(browser(1, user(1)).target)).await.unwrap();
    assert!(registered.is_new);
    let again = node.registry.register(user(1), of(browser(1, user(1)).target)).await.unwrap();
    assert_eq!((again.id, again.is_new), (registered.id, false));
    let at = |endpoint: &str| {
        let PushTarget::WebPush(mut subscription) = browser(1, user(1)).target else { unreachable!("a browser") };
        subscription.endpoint = endpoint.to_owned();
        of(PushTarget::WebPush(subscription))
    };
    for endpoint in ["https://127.0.0.1/x", "http://push.test/x"] {
        let refused = node.registry.register(user(1), at(endpoint)).await;
        let Err(NotificationError::Invalid(fields)) = refused else { panic!("{endpoint}: {refused:?}") };
        assert_eq!(fields[0].field, "subscriptionJson");
        assert!(!fields[0].message.contains("127"), "it tells nothing of the network");
    }
    let PushTarget::WebPush(mut stolen) = browser(1, user(1)).target else { unreachable!("a browser") };
    stolen.auth = [0; 16];
    let taken = node.registry.register(user(2), of(PushTarget::WebPush(stolen))).await;
    assert!(matches!(taken, Err(NotificationError::DeviceTaken)));
    node.registry.register(user(1), of(app(2, user(1)).target)).await.unwrap();
    assert_eq!(node.registry.devices(user(1)).await.unwrap().len(), 2);
    assert!(matches!(node.registry.remove(user(2), registered.id).await, Err(NotificationError::NotFound)));
    node.registry.remove(user(1), registered.id).await.unwrap();
    assert_eq!(node.registry.devices(user(1)).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_request_says_is_what_is_sent() {
    let world = World::new();
    let device = world.user_with(1, 1).await.remove(0);
    let node = world.start("a");
    let body = format!(
        r#"{{"userId": "{}", "title": "Production Alert", "body": "Demand dropped 30%", "channels": "All"}}"#,
        user(1)
    );
    let message: Message = SendNotification::from_json(body.as_bytes()).unwrap().into();
    assert_eq!(message.channels, ChannelSet::ALL);
    node.operations.send(message, None).await.unwrap();
    world.settled(ms(5_000)).await;
    assert_eq!(world.push.attempts_to(&device)[0].title, "Production Alert");
    let items = format!(r#"{{"items": [{{"companyId": "{}", "channels": ["InApp"]}}]}}"#, uuid(1));
    let preferences = SetPreferences::from_json(items.as_bytes()).unwrap();
    node.registry.set_preferences(user(1), preferences.clone()).await.unwrap();
    assert_eq!(node.registry.preferences(user(1)).await.unwrap(), preferences.0);
}
