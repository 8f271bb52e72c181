//! `Idempotency-Key` on the two send routes.

use std::time::Duration;

use adapters::memory::NotificationFault;
use serde_json::{Value, json};

use super::support::{Node, World, browser, message, sender, token, user};
use crate::api::client::Reply;
use domain::forecast::Role;

const SEND: &str = "/api/notifications";
const PUSH: &str = "/api/send-push-notification";

async fn named(node: &Node, token: &str, path: &str, key: &str, body: &Value) -> Reply {
    node.ask("POST", path).by(token).with("idempotency-key", key).json(body).send().await
}

fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_sends_nothing_and_has_the_same_answer() {
    let world = World::new();
    let (node, other) = (world.start("a"), world.start("b"));
    let body = message(1, "a", json!(["InApp"]));
    let first = named(&node, &sender(), SEND, "k", &body).await;
    assert!(first.status == 202 && !is_replayed(&first), "{first:?}");
    let again = named(&other, &sender(), SEND, "k", &body).await;
    assert!(again.status == 202 && is_replayed(&again), "{again:?}");
    assert_eq!((again.json(), again.header("location")), (first.json(), first.header("location")));
    assert_eq!(node.inbox(1).await.len(), 1);
    // Another name, another message; and so is one without a name.
    assert_ne!(named(&node, &sender(), SEND, "l", &body).await.json(), first.json());
    node.post(&sender(), SEND, &body).await;
    assert_eq!(node.inbox(1).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_push_is_sent_once_under_a_name() {
    let world = World::new();
    let node = world.start("a");
    node.device(1, &browser(1)).await;
    let body = json!({"userId": user(1), "title": "a", "body": "b"});
    let first = named(&node, &sender(), PUSH, "k", &body).await;
    let again = named(&node, &sender(), PUSH, "k", &body).await;
    assert!(!is_replayed(&first) && is_replayed(&again), "{again:?}");
    assert_eq!((first.json(), &first.json()["sent"]), (again.json(), &json!(1)));
    assert_eq!(world.push.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_bound_to_its_request_and_its_caller() {
    let world = World::new();
    let node = world.idle();
    let body = message(1, "a", json!(["InApp"]));
    named(&node, &sender(), SEND, "k", &body).await;
    let other = message(1, "b", json!(["InApp"]));
    named(&node, &sender(), SEND, "k", &other).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
    let push = json!({"userId": user(1), "title": "a", "body": "b"});
    named(&node, &sender(), PUSH, "k", &push).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
    let another = token(91, &[Role::NotifySend], 1_000);
    assert!(!is_replayed(&named(&node, &another, SEND, "k", &other).await), "another's names are another's");
    assert_eq!(node.inbox(1).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_kept_for_a_day() {
    let world = World::new();
    let node = world.idle();
    let body = message(1, "a", json!(["InApp"]));
    named(&node, &sender(), SEND, "k", &body).await;
    tokio::time::advance(Duration::from_secs(24 * 3_600 - 1)).await;
    assert!(is_replayed(&named(&node, &sender(), SEND, "k", &body).await));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(!is_replayed(&named(&node, &sender(), SEND, "k", &body).await));
    assert_eq!(node.inbox(1).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_kept_and_what_was_stored_is_found() {
    let world = World::new();
    let node = world.idle();
    let body = message(1, "a", json!(["InApp"]));
    for (fault, stored) in [(NotificationFault::Before, 0), (NotificationFault::After, 1)] {
        let key = format!("{fault:?}");
        world.store.faults().once("accept", fault);
        let failed = named(&node, &sender(), SEND, &key, &body).await;
        failed.problem(503, "UNAVAILABLE");
        assert_eq!(failed.header("retry-after"), Some("1"));
        let before = node.inbox(1).await.len();
        let again = named(&node, &sender(), SEND, &key, &body).await;
        assert_eq!((again.status.as_u16(), is_replayed(&again)), (202, stored == 1), "{fault:?}");
        assert_eq!(node.inbox(1).await.len(), before + 1 - stored, "{fault:?}");
    }
    assert_eq!(node.inbox(1).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn requests_under_one_name_at_once_are_one() {
    let world = World::new();
    let node = world.idle();
    let body = message(1, "a", json!(["InApp"]));
    let token = sender();
    let all = futures_util::future::join_all((0..8).map(|_| named(&node, &token, SEND, "k", &body))).await;
    assert!(all.iter().all(|reply| reply.status == 202 && reply.json() == all[0].json()), "{all:?}");
    assert_eq!(all.iter().filter(|reply| !is_replayed(reply)).count(), 1);
    assert_eq!(node.inbox(1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_short_printable_and_given_once() {
    let world = World::new();
    let node = world.idle();
    let body = message(1, "a", json!(["InApp"]));
    for bad in ["", "\u{fc}", &"x".repeat(256)] {
        assert_eq!(named(&node, &sender(), SEND, bad, &body).await.fields(), ["Idempotency-Key"], "{bad}");
    }
    let twice = node.ask("POST", SEND).by(&sender()).with("idempotency-key", "a").with("idempotency-key", "b");
    assert_eq!(twice.json(&body).send().await.fields(), ["Idempotency-Key"]);
    world.is_untouched(&[1]).await;
}
