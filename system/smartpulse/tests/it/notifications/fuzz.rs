//! Arbitrary bodies to every route that takes one: never a 5xx, and every answer as described.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use super::support::{World, app, browser, company, message, sender, user};

const CASES: u32 = 250;
const ROUTES: [(&str, &str); 6] = [
    ("POST", "/api/notifications"),
    ("POST", "/api/send-push-notification"),
    ("POST", "/api/devices"),
    ("PUT", "/api/notification-preferences"),
    ("POST", "/api/notifications/read-all"),
    ("POST", "/api/deliveries/resend"),
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!(user(1))),
        Just(json!("All")),
        Just(json!("InApp")),
        Just(json!(browser(1)["subscriptionJson"])),
        "https?://[a-z.0-9:\\[\\]%/@]{0,20}".prop_map(|url| json!({"endpoint": url, "keys": {}})),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:00:00Z".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    const NAMES: [&str; 14] = [
        "userId",
        "title",
        "body",
        "type",
        "channels",
        "deviceType",
        "integrationType",
        "token",
        "subscriptionJson",
        "osVersion",
        "items",
        "companyId",
        "until",
        "since",
    ];
    prop_oneof![4 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}".prop_map(String::from)]
}

/// A good body with up to three members replaced by anything: most of the interesting bodies are nearly right.
fn nearly_right() -> impl Strategy<Value = Value> {
    let good = vec![
        message(1, "a", json!("All")),
        json!({"userId": user(1), "title": "a", "body": "b"}),
        browser(1),
        app(1),
        json!({"items": [{"companyId": company(1), "channels": []}]}),
        json!({"until": "2025-11-12T10:30:00Z"}),
        json!({"since": "2025-11-12T10:30:00Z"}),
    ];
    let changes = prop::collection::vec((any_name(), any_json()), 0..4);
    (prop::sample::select(good), changes).prop_map(|(mut body, changes)| {
        for (name, value) in changes {
            body[name] = value;
        }
        body
    })
}

#[test]
fn no_body_breaks_anything() {
    let bodies = prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        2 => any_json().prop_map(|value| value.to_string().into_bytes()),
        6 => nearly_right().prop_map(|value| value.to_string().into_bytes()),
    ];
    let routes = prop::sample::select(ROUTES.to_vec());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (node, token) = runtime.block_on(async {
        let mut world = World::new();
        world.sends.rate_per_s = 0;
        (world.idle(), sender())
    });
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&(routes, bodies), |((method, path), body)| {
        let ask = node.ask(method, path).by(&token).text("application/json", body);
        let reply = runtime.block_on(ask.send());
        prop_assert!(reply.status.as_u16() < 500, "{method} {path}: {reply:?}");
        Ok(())
    });
    ran.unwrap();
}
