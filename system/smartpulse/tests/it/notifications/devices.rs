//! Devices: registered, shown without what could be used against them, removed.

use serde_json::{Value, json};

use super::support::{World, app, browser, endpoint, reader};

#[tokio::test(start_paused = true)]
async fn a_device_is_registered_once_shown_and_forgotten() {
    let world = World::new();
    let node = world.idle();
    let one = reader(1);
    let mut body = browser(1);
    (body["osVersion"], body["vapidKeyId"]) = (json!("Windows 11"), json!(world.push.public_key()));
    let new = node.post(&one, "/api/devices", &body).await;
    assert_eq!(new.status, 201, "{new:?}");
    let again = node.post(&one, "/api/devices", &body).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, new.json()), "the same device");
    let text = json!({"integrationType": 0, "subscriptionJson": body["subscriptionJson"].to_string()});
    assert_eq!(node.post(&one, "/api/devices", &text).await.json(), new.json(), "the same, as a text");
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let app = node.device(1, &app(2)).await;
    let list = node.get(&one, "/api/devices").await;
    assert!(!list.text().contains("token-2") && !list.text().contains(&endpoint(1)), "{list:?}");
    let list = list.json();
    let ids: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&new.json()["id"], &json!(app)]);
    let kinds: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|one| &one["integrationType"]).collect();
    assert_eq!(kinds, [0, 1]);
    let path = format!("/api/devices/{app}");
    node.ask("DELETE", &path).by(&reader(2)).send().await.problem(404, "DEVICE_NOT_FOUND");
    let gone = node.ask("DELETE", &path).by(&one).send().await;
    assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
    node.ask("DELETE", &path).by(&one).send().await.problem(404, "DEVICE_NOT_FOUND");
    assert_eq!(node.get(&one, "/api/devices").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn anothers_device_needs_its_keys() {
    let world = World::new();
    let node = world.idle();
    node.device(1, &browser(1)).await;
    let mut stolen = browser(1);
    stolen["subscriptionJson"]["keys"]["auth"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    node.post(&reader(2), "/api/devices", &stolen).await.problem(409, "DEVICE_TAKEN");
    assert_eq!(node.get(&reader(2), "/api/devices").await.json(), json!({"items": []}));
    let moved = node.post(&reader(2), "/api/devices", &browser(1)).await;
    assert_eq!(moved.status, 201, "who knows the keys has the device");
    assert_eq!(node.get(&reader(1), "/api/devices").await.json(), json!({"items": []}));
}

#[tokio::test(start_paused = true)]
async fn nobody_has_too_many() {
    let world = World::new();
    let node = world.idle();
    for n in 0..50 {
        node.device(1, &app(n)).await;
    }
    node.post(&reader(1), "/api/devices", &app(50)).await.problem(409, "TOO_MANY_DEVICES");
    assert_eq!(node.post(&reader(1), "/api/devices", &app(7)).await.status, 200, "one of them, again");
    node.device(2, &app(51)).await;
}

#[tokio::test(start_paused = true)]
async fn browsers_are_told_the_key_that_pushes_are_signed_with() {
    let world = World::new();
    let node = world.idle();
    let reply = node.get(&reader(1), "/api/push/vapid-public-key").await;
    assert_eq!(reply.json(), json!({"publicKey": world.push.public_key()}));
    assert_eq!(reply.json()["publicKey"].as_str().unwrap().len(), 87, "65 bytes in base64url");
}
