//! What FCM gets.

use std::time::Duration;

use adapters::fcm::{FcmError, message as fcm_message};
use adapters::outgoing::{AddressError, AddressPolicy};
use coherence::Timestamp;
use domain::ports::{PushError, PushGateway, PushMessage, PushReceipt, PushTarget, Urgency};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{REGISTRATION, fcm, fcm_under, google, message, registration};

fn now() -> Timestamp {
    "2025-11-12T10:30:00Z".parse().unwrap()
}

fn json_of(message: &PushMessage) -> Value {
    serde_json::from_slice(&fcm_message(REGISTRATION, message, now()).unwrap()).unwrap()
}

#[test]
fn the_specified_message_in_the_envelope_of_v1() {
    let golden: Value = serde_json::from_str(include_str!("../../golden/fcm_message.json")).unwrap();
    assert_eq!(json_of(&message()), golden);
    // The fields of the specification, section 5.1, at the paths where v1 has them (ruling 18).
    let message = &golden["message"];
    let alert = json!({"title": "Production Alert", "body": "Demand dropped 30%"});
    assert_eq!(message["notification"], alert);
    assert_eq!(message["apns"]["payload"]["aps"], json!({"alert": alert, "badge": 1, "sound": "default"}));
    assert_eq!(
        (&message["android"]["priority"], &message["android"]["notification"]["icon"]),
        (&json!("high"), &json!("ic_notification"))
    );
}

#[test]
fn what_differs_from_it() {
    let gentle = json_of(&PushMessage { urgency: Urgency::Low, tag: String::new(), ttl: Duration::MAX, ..message() });
    let message = &gentle["message"];
    assert_eq!(
        (&message["android"]["priority"], &message["apns"]["headers"]["apns-priority"]),
        (&json!("normal"), &json!("5"))
    );
    assert_eq!(message["android"]["ttl"], "2419200s");
    assert!(
        message["android"].get("collapse_key").is_none()
            && message["apns"]["headers"].get("apns-collapse-id").is_none()
    );
}

proptest! {
    #[test]
    fn any_text_fits(title in "\\PC{0,900}", body in "\\PC{0,5000}|[\"\\\\\u{0}-\u{1f}]{0,2000}|[😀👍🏽é]{900,1100}", tag in "\\PC{0,80}") {
        let bytes = fcm_message(REGISTRATION, &PushMessage { title, body: body.clone(), tag, ..message() }, now()).unwrap();
        prop_assert!(bytes.len() - REGISTRATION.len() <= 4_000);
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        let shown = json["message"]["notification"]["body"].as_str().unwrap();
        let is_beginning = shown.strip_suffix('…').is_some_and(|kept| body.starts_with(kept));
            prop_assert!(shown == body || is_beginning);
        prop_assert_eq!(&json["message"]["apns"]["payload"]["aps"]["alert"]["body"], shown);
    }
}

#[tokio::test]
async fn it_arrives() {
    let (google, gateway) = google().await;
    let receipt = gateway.attempt(&registration(), &message()).await.unwrap();
    assert_eq!(receipt, PushReceipt { status: 200 });
    let [sent] = &google.sent()[..] else { panic!("one message") };
    assert_eq!(sent.path, "/v1/projects/demo-project/messages:send");
    assert_eq!(sent.json["message"]["token"], REGISTRATION);
    assert_eq!(*gateway.origin(&registration()).0, *google.fcm.origin());
}

#[tokio::test]
async fn what_cannot_be_a_registration() {
    let (google, gateway) = google().await;
    gateway.check(&registration()).unwrap();
    for token in [
        "",
        "short",
        &"a".repeat(4_097),
        "with spaces in it, certainly",
        "quoted\"quoted\"quoted",
        "line\r\nline\r\nline\r\n",
        "ümläutümläutümläut",
    ] {
        let target = PushTarget::Fcm { token: token.to_owned() };
        let refused = [gateway.check(&target), gateway.attempt(&target, &message()).await.map(|_| ())];
        assert!(refused.iter().all(|refused| matches!(refused, Err(PushError::Invalid(_)))), "{token}: {refused:?}");
    }
    assert_eq!((google.grants(), google.fcm.requests()), (0, 0), "and nobody was asked");
}

#[tokio::test]
async fn credentials_go_over_tls_unless_the_origin_is_listed() {
    let (google, _) = google().await;
    fcm(&google).unwrap();
    let only_fcm = AddressPolicy::default().with_private_origins([google.fcm.origin()]).unwrap();
    for (policy, named) in [(AddressPolicy::default(), "base_url"), (only_fcm, "token_uri")] {
        let refused = fcm_under(&google, &policy).err().unwrap();
        assert!(matches!(refused, FcmError::Url { setting, source: AddressError::NotHttps } if setting == named));
    }
}

#[tokio::test]
async fn neither_the_account_nor_a_failure_shows_a_secret() {
    let (google, _) = google().await;
    let file = google.account().unwrap();
    let account = adapters::fcm::ServiceAccount::parse(&file).unwrap();
    assert_eq!(format!("{account:?}"), r#"ServiceAccount { project: "demo-project", .. }"#);
    assert_eq!(format!("{:?}", registration()), "Fcm");
}
