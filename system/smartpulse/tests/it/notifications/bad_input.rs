//! Bad input: a clear 400 that names the field, nothing stored, nothing sent.

use serde_json::{Value, json};

use super::support::{World, app, browser, message, reader, sender, subscribed, user};

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// What could end a line, in a header or in a log.
const BREAKS: [&str; 6] = ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\u{0}b", "a\u{85}b", "a\u{2028}b"];

#[tokio::test(start_paused = true)]
async fn line_breaks_are_refused_wherever_a_header_could_be_made_of_them() {
    let world = World::new();
    world.knows(1).await;
    let node = world.start("a");
    let push = json!({"userId": user(1), "title": "a", "body": "b"});
    let sends = [("/api/notifications", message(1, "a", json!("All"))), ("/api/send-push-notification", push)];
    for bad in BREAKS {
        for (path, body) in &sends {
            for field in ["title", "userId"] {
                let reply = node.post(&sender(), path, &with(body.clone(), field, json!(bad))).await;
                assert_eq!(reply.fields(), [field], "{path} {bad:?}");
            }
        }
        for field in ["type", "channels"] {
            let body = with(message(1, "a", json!("All")), field, json!(bad));
            assert_eq!(node.post(&sender(), "/api/notifications", &body).await.fields(), [field], "{bad:?}");
        }
        let devices = [
            (with(app(1), "token", json!(bad)), "token"),
            (with(subscribed(&format!("https://push.example.com/{bad}"), 65, 16), "x", json!(1)), "subscriptionJson"),
        ];
        for (body, field) in devices {
            let reply = node.post(&reader(1), "/api/devices", &body).await;
            assert!(reply.fields().contains(&field.to_owned()), "{field} {bad:?}: {reply:?}");
        }
        if !bad.contains('\u{2028}') {
            for field in ["osVersion", "vapidKeyId"] {
                let reply = node.post(&reader(1), "/api/devices", &with(app(1), field, json!(bad))).await;
                assert_eq!(reply.fields(), [field], "{bad:?}");
            }
        }
    }
    // A text may have lines; it stands in no header.
    let bell = with(message(1, "a", json!("All")), "body", json!("a\u{7}b"));
    assert_eq!(node.post(&sender(), "/api/notifications", &bell).await.fields(), ["body"]);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    world.is_untouched(&[1]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_is_refused() {
    let world = World::with(&[("http.body_limit_bytes", "2097152"), ("http.batch_limit_bytes", "2097152")]);
    let node = world.idle();
    let mega = "x".repeat(1 << 20);
    for (field, value) in [
        ("title", json!(mega)),
        ("title", json!("\u{1f343}".repeat(201))),
        ("title", json!("  ")),
        ("title", json!("")),
        ("body", json!(mega)),
        ("body", json!("x".repeat(2_001))),
        ("userId", json!(mega)),
        ("channels", json!([mega])),
        ("channels", json!([])),
        ("type", json!(mega)),
    ] {
        let body = with(message(1, "a", json!("All")), field, value);
        let reply = node.post(&sender(), "/api/notifications", &body).await;
        assert_eq!(reply.fields(), [field], "{:.80}", body.to_string());
        assert!(reply.body.len() < 1_000, "it does not repeat what it was sent: {}", reply.body.len());
    }
    let names = with(message(1, "a", json!("All")), &mega, json!(1));
    let reply = node.post(&sender(), "/api/notifications", &names).await;
    assert!(reply.fields()[0].starts_with("xxx") && reply.body.len() < 2_000, "{}", reply.body.len());
    for (field, value) in [("token", json!("x".repeat(4_097))), ("osVersion", json!(mega)), ("vapidKeyId", json!(mega))]
    {
        assert_eq!(node.post(&reader(1), "/api/devices", &with(app(1), field, value)).await.fields(), [field]);
    }
    world.is_untouched(&[1]).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_is_not_read() {
    let world = World::new();
    let node = world.idle();
    let mega = message(1, &"x".repeat(1 << 20), json!("All"));
    for (method, path, token) in [
        ("POST", "/api/notifications", sender()),
        ("POST", "/api/send-push-notification", sender()),
        ("POST", "/api/deliveries/resend", sender()),
        ("POST", "/api/devices", reader(1)),
        ("PUT", "/api/notification-preferences", reader(1)),
        ("POST", "/api/notifications/read-all", reader(1)),
    ] {
        let ask = || node.ask(method, path).by(&token);
        ask().json(&mega).send().await.problem(413, "BODY_TOO_LARGE");
        for malformed in ["", "{", "[]", "nul", "{\"a\": 1, \"a\": 2}", "\u{feff}{}"] {
            if malformed.is_empty() && path.ends_with("read-all") {
                continue;
            }
            let reply = ask().text("application/json", malformed).send().await;
            reply.problem(400, "INVALID_JSON");
        }
        ask().text("text/plain", "{}").send().await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
        let zipped = ask().with("content-encoding", "gzip").json(&json!({})).send().await;
        zipped.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    world.is_untouched(&[1]).await;
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_no_push_service_has_are_refused() {
    let world = World::new();
    let node = world.idle();
    for endpoint in [
        "http://push.example.com/1",
        "ftp://push.example.com/1",
        "https://push.example.com:8443/1",
        "https://push.example.com:80/1",
        "https://user:password@push.example.com/1",
        "https://push.example.com/1#x",
        "https://localhost/1",
        "https://a.localhost/1",
        "https://printer.local/1",
        "https://127.0.0.1/1",
        "https://127.1/1",
        "https://2130706433/1",
        "https://0x7f.1/1",
        "https://0.0.0.0/1",
        "https://10.1.2.3/1",
        "https://172.16.0.1/1",
        "https://192.168.0.1/1",
        "https://169.254.169.254/latest",
        "https://100.64.0.1/1",
        "https://224.0.0.1/1",
        "https://[::]/1",
        "https://[::1]/1",
        "https://[fe80::1]/1",
        "https://[fc00::1]/1",
        "https://[::ffff:127.0.0.1]/1",
        "https://[::ffff:10.0.0.1]/1",
        "https://[64:ff9b::7f00:1]/1",
        "https://[64:ff9b::a00:1]/1",
        "https://[2002:7f00:1::]/1",
        "/1",
        "",
        "x",
    ] {
        let reply = node.post(&reader(1), "/api/devices", &subscribed(endpoint, 65, 16)).await;
        assert_eq!(reply.fields(), ["subscriptionJson"], "{endpoint}");
        let text = reply.text();
        for tells in ["127", "169.254", "loopback", "private"] {
            assert!(!text.contains(tells), "{endpoint}: it tells nothing of the network: {text}");
        }
    }
    world.is_untouched(&[1]).await;
    assert_eq!(node.post(&reader(1), "/api/devices", &subscribed("https://8.8.8.8/1", 65, 16)).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_none_are_refused() {
    let world = World::new();
    let node = world.idle();
    let mut bad: Vec<Value> = [(64, 16), (66, 16), (0, 16), (65, 15), (65, 17), (65, 0)]
        .map(|(key, auth)| subscribed("https://push.example.com/1", key, auth))
        .into();
    let keys = |change: &dyn Fn(&mut Value)| {
        let mut body = browser(1);
        change(&mut body["subscriptionJson"]);
        body
    };
    bad.extend([
        keys(&|subscription| subscription["keys"]["p256dh"] = json!("!!!")),
        keys(&|subscription| subscription["keys"]["auth"] = json!(7)),
        keys(&|subscription| subscription["keys"] = json!(null)),
        keys(&|subscription| *subscription = json!("no json")),
        keys(&|subscription| *subscription = json!([])),
    ]);
    for body in bad {
        let reply = node.post(&reader(1), "/api/devices", &body).await;
        assert_eq!(reply.fields(), ["subscriptionJson"], "{body}");
    }
    for (body, fields) in [
        (json!({}), &["integrationType"][..]),
        (json!({"integrationType": 2, "token": "a"}), &["integrationType"]),
        (with(app(1), "subscriptionJson", json!({})), &["subscriptionJson"]),
        (with(browser(1), "token", json!("a")), &["token"]),
        (with(app(1), "userId", json!(user(2))), &["userId"]),
    ] {
        assert_eq!(node.post(&reader(1), "/api/devices", &body).await.fields(), fields, "{body}");
    }
    world.is_untouched(&[1]).await;
}
