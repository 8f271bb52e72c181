//! What arrives at a strict push service.

use std::collections::BTreeSet;
use std::time::Duration;

use adapters::testing::{FakePushService, Receiver};
use domain::ports::{
    PushError, PushGateway, PushMessage, PushOrigin, PushReceipt, PushTarget, Urgency, WebPushSubscription,
};
use serde_json::{Value, json};

use super::support::{connected, gateway_for, message, registration};

#[tokio::test]
async fn the_specified_payload_arrives() {
    let (service, gateway, target) = connected().await;
    gateway.check(&target).unwrap();
    let full = PushMessage { icon: Some("https://app.example/icon.png".to_owned()), ..message() };
    assert_eq!(gateway.attempt(&target, &full).await.unwrap(), PushReceipt { status: 201 });
    let [arrived] = &service.delivered()[..] else { panic!("one message") };
    let golden: Value = serde_json::from_str(include_str!("../../golden/webpush_payload.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&arrived.text).unwrap(), golden);
    let headers = |name: &str| arrived.headers.get(name).map(String::as_str);
    assert_eq!(headers("ttl"), Some("3600"));
    assert_eq!(headers("urgency"), Some("high"));
    assert_eq!(headers("topic"), Some("evt-0190f2c1"));
    assert_eq!((arrived.text.len() + arrived.padding) % 128, 0);
    assert_eq!(gateway.origin(&target), PushOrigin(service.server.origin().into()));
}

#[tokio::test]
async fn no_two_messages_share_a_key_or_a_salt() {
    let (service, gateway, target) = connected().await;
    for _ in 0..20 {
        gateway.attempt(&target, &message()).await.unwrap();
    }
    let arrived = service.delivered();
    let salts: BTreeSet<_> = arrived.iter().map(|message| message.body[..16].to_vec()).collect();
    let keys: BTreeSet<_> = arrived.iter().map(|message| message.body[21..86].to_vec()).collect();
    let tokens: BTreeSet<_> = arrived.iter().map(|message| message.headers["authorization"].clone()).collect();
    assert_eq!((salts.len(), keys.len(), tokens.len()), (20, 20, 1), "and one token for all");
    assert_eq!(service.server.connections(), 1, "and one connection");
}

#[tokio::test]
async fn any_length_fits_and_ends_at_a_character() {
    let (service, gateway, target) = connected().await;
    for length in (980..1_000).chain([100_000]) {
        let long = PushMessage { body: "😀".repeat(length), ..message() };
        gateway.attempt(&target, &long).await.unwrap();
        let arrived = service.delivered().remove(0);
        assert!(arrived.body.len() <= 4_096);
        let json: Value = serde_json::from_str(&arrived.text).unwrap();
        let body = json["body"].as_str().unwrap();
        assert!(body == long.body || (body.ends_with("😀…") && body.len() > 3_800), "{}", body.len());
    }
}

#[tokio::test]
async fn odd_messages_are_sent_legally() {
    let (service, gateway, target) = connected().await;
    let cases = [
        PushMessage { tag: "a\r\nX-Injected: 1".to_owned(), ..message() },
        PushMessage { tag: String::new(), ..message() },
        PushMessage { tag: "x".repeat(33), ..message() },
        PushMessage { ttl: Duration::MAX, urgency: Urgency::Low, ..message() },
        PushMessage { ttl: Duration::ZERO, urgency: Urgency::Normal, ..message() },
        PushMessage { title: "\r\n\0\u{7f}\"\\".to_owned(), body: String::new(), ..message() },
        PushMessage { title: "t".repeat(1 << 20), icon: Some("i".repeat(1 << 20)), ..message() },
    ];
    for case in cases {
        gateway.attempt(&target, &case).await.unwrap();
        let arrived = service.delivered().remove(0);
        assert!(!arrived.headers.contains_key("x-injected"));
        let is_legal = case.tag == message().tag;
        assert_eq!(arrived.headers.contains_key("topic"), is_legal);
        assert!(arrived.headers["ttl"].parse::<u64>().unwrap() <= 2_419_200);
    }
}

#[tokio::test]
async fn a_device_of_another_key_says_so() {
    let (service, gateway, _) = connected().await;
    let other = service.subscribe("BAnother").unwrap();
    let refused = gateway.attempt(&other, &message()).await.unwrap_err();
    assert!(matches!(refused, PushError::SenderMismatch { status: 403 }), "{refused:?}");
}

#[tokio::test]
async fn what_cannot_be_a_target() {
    let service = FakePushService::start().await.unwrap();
    let gateway = gateway_for(&[service.server.origin()]);
    let receiver = Receiver::new().unwrap();
    let with = |endpoint: &str, p256dh| {
        PushTarget::WebPush(WebPushSubscription { endpoint: endpoint.to_owned(), p256dh, auth: receiver.auth })
    };
    let good = "https://push.example.com/x";
    gateway.check(&with(good, receiver.p256dh)).unwrap();
    let mut off = receiver.p256dh;
    off[40] ^= 1;
    let wrong = [with(good, off), with(good, [4; 65]), with("nonsense", receiver.p256dh), registration()];
    for target in &wrong {
        let refused = gateway.check(target).unwrap_err();
        assert!(matches!(refused, PushError::Invalid(_)), "{refused:?}");
        let refused = gateway.attempt(target, &message()).await.unwrap_err();
        assert!(matches!(refused, PushError::Invalid(_)), "{refused:?}");
    }
    assert_eq!(&*gateway.origin(&wrong[2]).0, "invalid");
    let port = with("https://push.example.com:8443/x", receiver.p256dh);
    assert!(matches!(gateway.check(&port).unwrap_err(), PushError::Blocked(_)));
    assert_eq!(&*gateway.origin(&port).0, "https://push.example.com:8443");
    assert_eq!(json!(format!("{port:?}")), "WebPush");
}
