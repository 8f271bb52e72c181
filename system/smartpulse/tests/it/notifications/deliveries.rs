//! What became of a notification, and sending it again.

use domain::ports::PushError;
use serde_json::{Value, json};

use super::channels::Does;
use super::support::{World, browser, endpoint, message, reader, sender, until, user};

fn refuses() -> Does {
    Does::Says(PushError::Rejected { status: 400, reason: "no".to_owned() })
}

async fn failed(world: &World, node: &super::support::Node, n: u128) -> (String, Value) {
    world.push.to(&endpoint(n), refuses());
    let sent = node.post(&sender(), "/api/notifications", &message(n, "a", json!(["PushNotification"]))).await;
    let log = sent.header("location").unwrap().to_owned();
    until("it failed", async || node.get(&sender(), &log).await.json()["items"][0]["status"] == "failed").await;
    let items = node.get(&sender(), &log).await.json()["items"].clone();
    world.push.takes_all();
    (log, items[0].clone())
}

#[tokio::test(start_paused = true)]
async fn the_deliveries_are_ones_own_or_the_senders() {
    let world = World::new();
    let node = world.start("a");
    let device = node.device(1, &browser(1)).await;
    let (log, delivery) = failed(&world, &node, 1).await;
    assert_eq!(delivery["deviceId"], device);
    assert_eq!((&delivery["channel"], &delivery["attempts"]), (&json!("PushNotification"), &json!(1)));
    assert!(delivery["lastError"].as_str().unwrap().contains("400") && !delivery.to_string().contains("push.example"));
    let own = node.get(&reader(1), &log).await;
    assert_eq!((own.status.as_u16(), &own.json()["userId"]), (200, &json!(user(1))));
    node.get(&reader(2), &log).await.problem(404, "NOTIFICATION_NOT_FOUND");
    let nowhere = format!("/api/notifications/{}/deliveries", user(7));
    node.get(&sender(), &nowhere).await.problem(404, "NOTIFICATION_NOT_FOUND");
}

#[tokio::test(start_paused = true)]
async fn one_that_failed_is_sent_again_once() {
    let world = World::new();
    let node = world.start("a");
    node.device(1, &browser(1)).await;
    let (log, delivery) = failed(&world, &node, 1).await;
    let path = format!("/api/deliveries/{}/resend", delivery["id"].as_str().unwrap());
    let resent = node.ask("POST", &path).by(&sender()).send().await;
    assert_eq!((resent.status.as_u16(), resent.json()), (200, json!({"resent": 1})));
    until("it is sent", async || node.get(&sender(), &log).await.json()["items"][0]["status"] == "sent").await;
    node.ask("POST", &path).by(&sender()).send().await.problem(404, "DELIVERY_NOT_FOUND");
    assert_eq!(world.push.asked().len(), 2);
    node.ask("POST", "/api/deliveries/7/resend").by(&sender()).send().await.problem(400, "VALIDATION_FAILED");
}

#[tokio::test(start_paused = true)]
async fn what_failed_since_a_time_is_sent_again() {
    let world = World::new();
    let node = world.start("a");
    let mut logs = Vec::new();
    for n in 1..=2 {
        node.device(n, &browser(n)).await;
        logs.push(failed(&world, &node, n).await.0);
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
    }
    let since = json!({"since": "2025-11-12T10:31:00Z"});
    let resent = node.post(&sender(), "/api/deliveries/resend", &since).await;
    assert_eq!(resent.json(), json!({"resent": 1}), "{resent:?}");
    until("it is sent", async || node.get(&sender(), &logs[1]).await.json()["items"][0]["status"] == "sent").await;
    assert_eq!(node.get(&sender(), &logs[0]).await.json()["items"][0]["status"], "failed", "that was before");
    for (body, fields) in [(json!({}), &["since"][..]), (json!({"since": 5, "until": 1}), &["since", "until"])] {
        assert_eq!(node.post(&sender(), "/api/deliveries/resend", &body).await.fields(), fields);
    }
}
