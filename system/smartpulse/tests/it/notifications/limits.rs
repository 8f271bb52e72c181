//! Limits of rate and time; and a store that is away.

use std::time::Duration;

use adapters::memory::NotificationFault;
use domain::forecast::Role;
use serde_json::json;
use smartpulse::http::notifications::Rate;

use super::support::{World, message, reader, sender, token, user};

#[tokio::test(start_paused = true)]
async fn sends_have_a_rate_of_their_own_by_default() {
    let world = World::new();
    assert_ne!(world.sends.rate_per_s, 0, "limited by default");
    let node = world.idle();
    let body = message(1, "a", json!(["InApp"]));
    let mut sent = 0;
    while node.post(&sender(), "/api/notifications", &body).await.status == 202 {
        sent += 1;
    }
    assert_eq!(sent, world.sends.burst, "at once");
}

#[tokio::test(start_paused = true)]
async fn each_sender_has_its_rate_over_all_routes_that_send() {
    let mut world = World::new();
    world.sends = Rate { rate_per_s: 1, burst: 3 };
    let node = world.idle();
    let send = |token: String| {
        let node = &node;
        async move { node.post(&token, "/api/notifications", &message(1, "a", json!(["InApp"]))).await }
    };
    assert_eq!(send(sender()).await.status, 202);
    let push = json!({"userId": user(1), "title": "a", "body": "b"});
    assert_eq!(node.post(&sender(), "/api/send-push-notification", &push).await.status, 200);
    let since = json!({"since": "2025-11-12T10:30:00Z"});
    assert_eq!(node.post(&sender(), "/api/deliveries/resend", &since).await.status, 200);
    let refused = send(sender()).await;
    refused.problem(429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(send(token(91, &[Role::NotifySend], 1_000)).await.status, 202, "another sender");
    assert_eq!(node.get(&sender(), "/api/notifications").await.status, 200, "reading is no sending");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(send(sender()).await.status, 202, "as Retry-After said");
    assert_eq!(node.inbox(1).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn each_subject_has_its_rate() {
    let world = World::with(&[("limits.rate_per_s", "1"), ("limits.burst", "2")]);
    let node = world.idle();
    let one = reader(1);
    for path in ["/api/notifications", "/api/devices"] {
        assert_eq!(node.get(&one, path).await.status, 200);
    }
    for path in ["/api/notifications/unread-count", "/api/notifications/stream", "/api/notification-preferences"] {
        node.get(&one, path).await.problem(429, "RATE_LIMITED");
    }
    assert_eq!(node.get(&reader(2), "/api/devices").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_told_in_time() {
    let world = World::with(&[("http.request_timeout_ms", "2000")]);
    let node = world.idle();
    for (method, fault, status, code) in [
        ("list", NotificationFault::Hang, 504, "TIMEOUT"),
        ("list", NotificationFault::Before, 503, "UNAVAILABLE"),
        ("list", NotificationFault::Corrupt, 500, "INTERNAL"),
    ] {
        world.store.faults().once(method, fault);
        let reply = node.get(&reader(1), "/api/notifications").await;
        let problem = reply.problem(status, code);
        assert!(!problem.to_string().contains("planned"), "{problem}");
    }
    world.store.faults().once("accept", NotificationFault::Hang);
    let body = message(1, "a", json!(["InApp"]));
    node.post(&sender(), "/api/notifications", &body).await.problem(504, "TIMEOUT");
}
