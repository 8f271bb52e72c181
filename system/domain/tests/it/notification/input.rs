//! Bad input: each wrong field is named.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::model::InputError;
use domain::notification::model::{
    Channel, ChannelSet, DeviceFilter, IntegrationType, NotificationType, RegisterDevice, SendNotification, SendPush,
    SetPreferences,
};
use domain::ports::{PushTarget, WebPushSubscription};
use serde_json::{Value, json};

use crate::support::uuid;

fn fields<T: std::fmt::Debug>(read: Result<T, InputError>) -> Vec<String> {
    match read {
        Err(InputError::Fields(errors)) => errors.into_iter().map(|error| error.field).collect(),
        other => panic!("{other:?}"),
    }
}

fn with(mut value: Value, name: &str, to: Value) -> Vec<u8> {
    value[name] = to;
    value.to_string().into_bytes()
}

fn send() -> Value {
    json!({"userId": uuid(1), "title": "Alert", "body": "text", "channels": ["InApp", "Email"]})
}

#[test]
fn a_message_is_read() {
    let read = SendNotification::from_json(send().to_string().as_bytes()).unwrap();
    assert_eq!(read.channels, ChannelSet::of([Channel::InApp, Channel::Email]));
    assert_eq!((read.title.as_str(), read.kind), ("Alert", NotificationType::Alert));
    let emoji = with(send(), "title", json!("\u{1f343}".repeat(200)));
    assert_eq!(SendNotification::from_json(&emoji).unwrap().title.as_str().chars().count(), 200);
    let push = json!({"userId": uuid(1), "title": "a", "body": "b", "deviceType": "FCM"});
    let push = SendPush::from_json(push.to_string().as_bytes()).unwrap();
    assert_eq!(push.devices, DeviceFilter::Only(IntegrationType::Fcm));
}

#[test]
fn what_is_wrong_with_a_message_is_named() {
    let wrong = [
        ("userId", json!("1")),
        ("userId", json!(null)),
        ("title", json!("a\r\nBcc: x@example.com")),
        ("title", json!("")),
        ("title", json!(" \u{a0} ")),
        ("title", json!("x".repeat(1 << 20))),
        ("title", json!("\u{1f343}".repeat(201))),
        ("title", json!(5)),
        ("body", json!("a\u{0}b")),
        ("body", json!("x".repeat(2_001))),
        ("body", json!([])),
        ("channels", json!([])),
        ("channels", json!("InApp")),
        ("channels", json!(["InApp", "InApp"])),
        ("channels", json!(["Fax"])),
        ("channels", json!(7)),
        ("type", json!("Joke")),
        ("extra", json!(1)),
    ];
    for (field, value) in wrong {
        let read = SendNotification::from_json(&with(send(), field, value.clone()));
        assert_eq!(fields(read), [field], "{:.60}", value.to_string());
    }
    assert_eq!(fields(SendNotification::from_json(b"{}")), ["userId", "title", "body", "channels"]);
    assert!(matches!(SendNotification::from_json(b"{"), Err(InputError::Malformed(_))));
    let push = json!({"userId": uuid(1), "title": "a\n", "body": "b", "deviceType": "Fax"});
    assert_eq!(fields(SendPush::from_json(push.to_string().as_bytes())), ["title", "deviceType"]);
}

fn point(bytes: usize) -> Vec<u8> {
    let mut point = vec![0xfb; bytes];
    point[0] = 4;
    point
}

fn subscription(p256dh: &str, auth: &str) -> Value {
    json!({
        "endpoint": "https://push.example.com/abc",
        "expirationTime": null,
        "keys": {"p256dh": p256dh, "auth": auth},
    })
}

#[test]
fn subscriptions_are_read_in_the_spellings_that_exist() {
    let (key, auth) = (point(65), [0xff_u8; 16]);
    let url = subscription(&URL_SAFE_NO_PAD.encode(&key), &URL_SAFE_NO_PAD.encode(auth));
    let standard = subscription(&STANDARD.encode(&key), &STANDARD.encode(auth));
    let read = |subscription: Value| {
        let body = json!({"integrationType": 0, "subscriptionJson": subscription, "osVersion": "Windows 11"});
        RegisterDevice::from_json(body.to_string().as_bytes()).unwrap()
    };
    let first = read(url.clone());
    assert_eq!(read(standard), first);
    assert_eq!(read(json!(url.to_string())), first, "as a text, too");
    let PushTarget::WebPush(subscription) = first.target else { panic!("a browser") };
    assert_eq!((subscription.p256dh.to_vec(), subscription.auth), (key, auth));
    assert_eq!(WebPushSubscription::from_json(&subscription.to_json()), Ok(subscription));
    let app = RegisterDevice::from_json(br#"{"integrationType": 1, "token": "abc:def-_"}"#).unwrap();
    assert_eq!(app.target, PushTarget::Fcm { token: "abc:def-_".to_owned() });
}

#[test]
fn what_is_wrong_with_a_device_is_named() {
    let encoded = |bytes: usize| URL_SAFE_NO_PAD.encode(point(bytes));
    let good = || subscription(&encoded(65), &encoded(16));
    let at = |endpoint: String| with(good(), "endpoint", json!(endpoint));
    let at = |endpoint: &str| serde_json::from_slice::<Value>(&at(endpoint.to_owned())).unwrap();
    let subscriptions = [
        subscription(&encoded(64), &encoded(16)),
        subscription(&encoded(66), &encoded(16)),
        subscription(&encoded(65), &encoded(15)),
        subscription("!!!", &encoded(16)),
        subscription(&"A".repeat(1 << 20), &encoded(16)),
        at(""),
        at("https://push.example.com/a b"),
        at("https://push.example.com/\r\nX: y"),
        at(&format!("https://push.example.com/{}", "x".repeat(2_048))),
        json!({"endpoint": "https://push.example.com/"}),
        json!("no json"),
        json!(5),
        json!("x".repeat(1 << 20)),
    ];
    for value in subscriptions {
        let body = json!({"integrationType": 0, "subscriptionJson": value}).to_string();
        assert_eq!(fields(RegisterDevice::from_json(body.as_bytes())), ["subscriptionJson"], "{body:.120}");
    }
    let bodies = [
        (json!({"integrationType": 2, "token": "a"}), vec!["integrationType"]),
        (json!({"integrationType": 1}), vec!["token"]),
        (json!({"integrationType": 1, "token": ""}), vec!["token"]),
        (json!({"integrationType": 1, "token": "a\r\nb"}), vec!["token"]),
        (json!({"integrationType": 1, "token": "x".repeat(4_097)}), vec!["token"]),
        (json!({"integrationType": 1, "token": "a", "subscriptionJson": good()}), vec!["subscriptionJson"]),
        (json!({"integrationType": 1, "token": "a", "osVersion": "a\nb"}), vec!["osVersion"]),
        (json!({"integrationType": 1, "token": "a", "vapidKeyId": "x".repeat(101)}), vec!["vapidKeyId"]),
        (json!({"integrationType": 0, "subscriptionJson": good(), "token": "a"}), vec!["token"]),
    ];
    for (body, expected) in bodies {
        assert_eq!(fields(RegisterDevice::from_json(body.to_string().as_bytes())), expected, "{body:.120}");
    }
}

#[test]
fn preferences_are_bounded_and_unique() {
    let item = |n: u128| json!({"companyId": uuid(n), "channels": "All"});
    let read = |items: Value| SetPreferences::from_json(json!({ "items": items }).to_string().as_bytes());
    assert_eq!(read(json!([item(1), item(2)])).unwrap().0.len(), 2);
    assert_eq!(read(json!([{"companyId": uuid(1), "unitId": uuid(2), "channels": []}])).unwrap().0.len(), 1);
    assert_eq!(fields(read(json!([item(1), item(1)]))), ["items[1]"]);
    assert_eq!(fields(read(json!((0..201).map(item).collect::<Vec<_>>()))), ["items"]);
    assert_eq!(fields(read(json!([{"channels": "None"}]))), ["items[0].companyId", "items[0].channels"]);
    assert_eq!(fields(read(json!([5]))), ["items[0]"]);
    assert_eq!(fields(read(json!(5))), ["items"]);
}
