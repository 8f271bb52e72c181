//! The API description: complete, true, and the same as its snapshot. (That every answer of every other test fits it,
//! the contract sees to.)

use std::collections::BTreeSet;

use serde_json::{Value, json};
use smartpulse::http::notifications::routes;

use super::support::{World, app, browser, company, message, reader, sender, user};
use crate::api::contract::Contract;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi-notifications.json");

fn current() -> Contract {
    Contract::of(routes().split_for_parts().1)
}

#[test]
fn the_description_is_that_of_the_snapshot() {
    // What the page adds around it (title, codes) is the page's own.
    let (paths, schemas) = (current().0["paths"].clone(), current().0["components"]["schemas"].clone());
    let current = serde_json::to_string_pretty(&json!({"paths": paths, "schemas": schemas})).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(SNAPSHOT, &current).unwrap();
    }
    let snapshot = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    assert!(
        snapshot == current,
        "the API changed: BLESS=1 cargo test -p smartpulse notifications, and look at the difference"
    );
}

/// Asks for every method on every path: what the router has is described, and what is described the router has.
#[tokio::test(start_paused = true)]
async fn every_route_is_described_and_the_reverse() {
    let node = World::new().idle();
    let contract = current();
    let described = contract.0["paths"].as_object().unwrap();
    let templates: BTreeSet<&str> = described.keys().map(String::as_str).collect();
    assert_eq!(
        templates,
        BTreeSet::from([
            "/api/deliveries/resend",
            "/api/deliveries/{id}/resend",
            "/api/devices",
            "/api/devices/{id}",
            "/api/mail-suppressions",
            "/api/mail-suppressions/{address}",
            "/api/notification-preferences",
            "/api/notifications",
            "/api/notifications/read-all",
            "/api/notifications/stream",
            "/api/notifications/unread-count",
            "/api/notifications/{id}/deliveries",
            "/api/notifications/{id}/read",
            "/api/push/vapid-public-key",
            "/api/send-push-notification",
            "/api/stream-ticket",
            "/unsubscribe/{token}",
        ])
    );
    for template in templates {
        let path = template.replace("{id}", &user(1).to_string()).replace("{token}", "x").replace("{address}", "a@b.c");
        let named = described[template].as_object().unwrap();
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE", "TRACE"] {
            let reply = node.ask(method, &path).send().await;
            let expected = match (named.contains_key(&method.to_lowercase()), template) {
                (false, _) => 405,
                (true, "/unsubscribe/{token}") => {
                    if method == "GET" {
                        200
                    } else {
                        400
                    }
                }
                (true, _) => 401,
            };
            assert_eq!(reply.status.as_u16(), expected, "{method} {path}");
        }
    }
}

#[test]
fn every_operation_is_told_in_full() {
    let contract = current();
    for (path, item) in contract.0["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for member in ["summary", "description", "operationId"] {
                assert!(operation[member].is_string(), "{method} {path} has no {member}");
            }
            let responses = operation["responses"].as_object().unwrap();
            let is_open = path.starts_with("/unsubscribe");
            if !is_open {
                assert_eq!(operation["security"], json!([{"bearer": []}]), "{method} {path}");
            }
            let always = if is_open { &["500", "503", "504"][..] } else { &["401", "429", "500", "503", "504"] };
            for status in always {
                assert!(responses.contains_key(*status), "{method} {path} does not say {status}");
            }
            for (status, response) in responses {
                let content = response["content"].as_object().map(|content| content.keys().collect::<Vec<_>>());
                match status.as_str() {
                    "204" => assert_eq!(content, None),
                    "200" if path.ends_with("/stream") => assert_eq!(content.unwrap(), ["text/event-stream"]),
                    "200" if is_open => assert_eq!(content.unwrap(), ["text/html; charset=utf-8"]),
                    "200" | "201" | "202" => assert_eq!(content.unwrap(), ["application/json"]),
                    _ => assert_eq!(content.unwrap(), ["application/problem+json"], "{method} {path} {status}"),
                }
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{method} {path} {}", parameter["name"]);
            }
        }
    }
}

/// For each request: what is required is, what may be null may, and nothing else is taken.
#[tokio::test(start_paused = true)]
async fn requests_are_as_described() {
    let node = World::new().idle();
    let push = json!({"userId": user(1), "title": "a", "body": "b", "deviceType": "FCM"});
    let mut send = message(1, "a", json!(["Email"]));
    send["type"] = json!("Alert");
    send["attachments"] = json!([{"name": "a.csv", "type": "text/csv", "bytes": "YQ=="}]);
    let preferences = json!({"items": [{"companyId": company(1), "unitId": user(1), "channels": "All"}]});
    for (name, method, path, full) in [
        ("SendNotification", "POST", "/api/notifications", send),
        ("SendPush", "POST", "/api/send-push-notification", push),
        ("ReadAll", "POST", "/api/notifications/read-all", json!({"until": "2025-11-12T10:30:00Z"})),
        ("ResendSince", "POST", "/api/deliveries/resend", json!({"since": "2025-11-12T10:30:00Z"})),
        ("NotificationPreferences", "PUT", "/api/notification-preferences", preferences),
    ] {
        let contract = current();
        let schema = &contract.0["components"]["schemas"][name];
        contract.fits(schema, &full).unwrap_or_else(|error| panic!("{name}: {error}"));
        let send = async |body: Value| node.ask(method, path).by(&sender()).json(&body).send().await;
        assert!(send(full.clone()).await.status.is_success(), "{name}");
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (member, property) in schema["properties"].as_object().unwrap() {
            let mut without = full.clone();
            without.as_object_mut().unwrap().remove(member);
            let reply = send(without).await;
            match required.contains(&json!(member)) {
                true => assert_eq!(reply.fields(), [member.as_str()], "{name} needs {member}"),
                false => assert!(reply.status.is_success(), "{name} does without {member}: {reply:?}"),
            }
            let mut null = full.clone();
            null[member] = Value::Null;
            let may = property["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
            assert_eq!(send(null).await.status.is_success(), may, "{name}: {member} may be null: {may}");
        }
        assert_eq!(schema["additionalProperties"], false, "{name}");
        let mut more = full;
        more["colour"] = json!(1);
        assert_eq!(send(more).await.fields(), ["colour"], "{name}");
    }
    let contract = current();
    let device = &contract.0["components"]["schemas"]["RegisterDevice"];
    let mut text = browser(1);
    text["subscriptionJson"] = json!(text["subscriptionJson"].to_string());
    for body in [app(1), text] {
        contract.fits(device, &body).unwrap();
        assert!(node.post(&reader(1), "/api/devices", &body).await.status.is_success());
    }
    assert_eq!(device["additionalProperties"], false);
}
