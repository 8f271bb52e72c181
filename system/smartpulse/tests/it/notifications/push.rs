//! `POST /api/send-push-notification`: what came of each device.

use std::time::Duration;

use domain::ports::PushError;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::channels::Does;
use super::support::{World, app, browser, endpoint, reader, sender, until, user};

const PATH: &str = "/api/send-push-notification";

/// As in section 2.2 of the specification.
fn alert(n: u128, device_type: &str) -> Value {
    json!({
        "userId": user(n), "title": "Alert", "body": "Forecast alert: production down 20%", "deviceType": device_type,
    })
}

fn by_device(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let results = answer["results"].as_array().unwrap().iter();
    let mut results: Vec<_> = results.map(|one| (text(&one["deviceId"]), text(&one["status"]))).collect();
    results.sort();
    results
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_that_of_the_specification() {
    let world = World::new();
    let node = world.start("a");
    let mut devices = Vec::new();
    for body in [browser(1), browser(2), app(3)] {
        devices.push(node.device(1, &body).await);
    }
    let reply = node.post(&sender(), PATH, &alert(1, "Both")).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, Some("no-store")));
    let mut answer = reply.json();
    devices.sort();
    let expected: Vec<_> = devices.into_iter().map(|id| (id, "sent".to_owned())).collect();
    assert_eq!(by_device(&answer), expected);
    assert_eq!(answer["results"][0].as_object().unwrap().len(), 2, "{answer}");
    (answer["results"], answer["id"]) = (json!([]), json!(null));
    assert_eq!(answer, json!({"id": null, "sent": 3, "failed": 0, "removed": 0, "pending": 0, "results": []}));
    let (_, message) = &world.push.asked()[0];
    assert_eq!((message.title.as_str(), message.body.as_str()), ("Alert", "Forecast alert: production down 20%"));
    assert_eq!(node.inbox(1).await, [] as [Value; 0], "a push is not in the inbox");
}

#[tokio::test(start_paused = true)]
async fn a_kind_of_device_can_be_chosen_and_without_devices_there_is_nothing() {
    let world = World::new();
    let node = world.start("a");
    node.device(1, &browser(1)).await;
    node.device(1, &app(2)).await;
    assert_eq!(node.post(&sender(), PATH, &alert(1, "FCM")).await.json()["sent"], 1);
    assert_eq!(world.push.asked()[0].0, "token-2");
    assert_eq!(node.post(&sender(), PATH, &alert(1, "WebPush")).await.json()["sent"], 1);
    assert_eq!(world.push.asked()[1].0, endpoint(1));
    let mut both = alert(1, "");
    both.as_object_mut().unwrap().remove("deviceType");
    assert_eq!(node.post(&sender(), PATH, &both).await.json()["sent"], 2, "both, if it does not say");
    let none = node.post(&sender(), PATH, &alert(2, "Both")).await.json();
    assert_eq!((&none["sent"], &none["failed"], &none["results"]), (&json!(0), &json!(0), &json!([])));
}

#[tokio::test(start_paused = true)]
async fn each_device_has_its_own_result_and_the_wait_ends() {
    let world = World::new();
    let node = world.start("a");
    let mut ids = Vec::new();
    for n in 1..=4 {
        ids.push(node.device(1, &browser(n)).await);
    }
    world.push.to(&endpoint(2), Does::Says(PushError::Gone { status: 410 }));
    world.push.to(&endpoint(3), Does::Says(PushError::Rejected { status: 400, reason: "no".to_owned() }));
    world.push.to(&endpoint(4), Does::Hangs);
    let asked = Instant::now();
    let answer = node.post(&sender(), PATH, &alert(1, "WebPush")).await.json();
    let waited = asked.elapsed();
    assert!((Duration::from_millis(5_000)..=Duration::from_millis(5_600)).contains(&waited), "{waited:?}");
    let status = |at: usize| {
        let results = answer["results"].as_array().unwrap();
        results.iter().find(|one| one["deviceId"] == ids[at].as_str()).unwrap().clone()
    };
    assert_eq!(status(0), json!({"deviceId": ids[0], "status": "sent"}));
    assert_eq!((&status(1)["status"], &status(2)["status"]), (&json!("removed"), &json!("failed")));
    assert!(status(2)["error"].as_str().unwrap().contains("400"), "{answer}");
    assert_eq!(status(3)["status"], "pending");
    assert_eq!([&answer["sent"], &answer["failed"], &answer["removed"], &answer["pending"]], [1, 2, 1, 1]);
    // What waits goes on: the deliveries tell how it ended.
    world.push.takes_all();
    let log = format!("/api/notifications/{}/deliveries", answer["id"].as_str().unwrap());
    until("the last one is sent", async || {
        let log = node.get(&sender(), &log).await.json();
        log["items"].as_array().unwrap().iter().any(|one| one["deviceId"] == ids[3].as_str() && one["status"] == "sent")
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn pushes_that_wait_leave_room_for_the_rest() {
    let mut world = World::new();
    world.sends.burst = 2_000;
    let node = world.start("a");
    node.device(1, &browser(1)).await;
    world.push.to(&endpoint(1), Does::Hangs);
    let (token, body) = (sender(), alert(1, "Both"));
    let all = futures_util::future::join_all((0..1_100).map(|_| node.post(&token, PATH, &body)));
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let id = node.tell(1, "a").await;
        let path = format!("/api/notifications/{id}/read");
        assert_eq!(node.ask("PUT", &path).by(&reader(1)).send().await.status, 200);
    };
    let (all, ()) = tokio::join!(all, meanwhile);
    let (taken, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|reply| reply.status == 200);
    assert_eq!(taken.len(), 256);
    refused.iter().for_each(|reply| drop(reply.problem(503, "OVERLOADED")));
}
