//! The table of FCM's errors.

use std::time::{Duration, Instant};

use adapters::testing::{FakeGoogle, Reply};
use domain::ports::{PushError, PushGateway};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::support::{REGISTRATION, google, message, registration};

fn violations(fields: &[&str]) -> Value {
    let fields: Vec<_> = fields.iter().map(|field| json!({"field": field, "description": "why"})).collect();
    json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields})
}

fn short(error: &PushError) -> String {
    match error {
        PushError::Gone { status } => format!("gone {status}"),
        PushError::SenderMismatch { status } => format!("mismatch {status}"),
        PushError::Unauthorized { status, .. } => format!("unauthorized {status}"),
        PushError::Rejected { status, .. } => format!("rejected {status}"),
        PushError::Throttled { status, retry_after } => format!("throttled {status} {retry_after:?}"),
        PushError::Failing { status, retry_after } => format!("failing {status} {retry_after:?}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn every_row() {
    let (google, gateway) = google().await;
    let error = |status, name, code, detail| FakeGoogle::error(status, name, code, detail);
    let none = Value::Null;
    let invalid = "INVALID_ARGUMENT";
    let cases = [
        (error(404, "NOT_FOUND", Some("UNREGISTERED"), none.clone()), "gone 404"),
        (error(404, "NOT_FOUND", None, none.clone()), "unauthorized 404"),
        (Reply::new(404, "<html>The requested URL was not found</html>"), "unauthorized 404"),
        (error(403, "PERMISSION_DENIED", Some("SENDER_ID_MISMATCH"), none.clone()), "mismatch 403"),
        (error(403, "PERMISSION_DENIED", None, none.clone()), "unauthorized 403"),
        (error(401, "UNAUTHENTICATED", Some("THIRD_PARTY_AUTH_ERROR"), none.clone()), "unauthorized 401"),
        (error(400, invalid, Some(invalid), violations(&["message.token"])), "gone 400"),
        (error(400, invalid, Some(invalid), violations(&["message.token", "message.android.ttl"])), "rejected 400"),
        (error(400, invalid, Some(invalid), violations(&["message.notification.title"])), "rejected 400"),
        (error(400, invalid, Some(invalid), none.clone()), "rejected 400"),
        (error(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), none.clone()), "throttled 429 Some(60s)"),
        (
            error(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), none.clone()).header("Retry-After", "5"),
            "throttled 429 Some(5s)",
        ),
        (error(500, "INTERNAL", Some("INTERNAL"), none.clone()), "failing 500 None"),
        (
            error(503, "UNAVAILABLE", Some("UNAVAILABLE"), none.clone()).header("Retry-After", "9"),
            "failing 503 Some(9s)",
        ),
        (Reply::new(502, "<html><title>Error 502 (Server Error)!!1</title>"), "failing 502 None"),
        (Reply::new(302, "").header("Location", "http://169.254.169.254/"), "rejected 302"),
    ];
    for (reply, expected) in cases {
        google.fcm.answer_with([reply]);
        let refused = gateway.attempt(&registration(), &message()).await.unwrap_err();
        assert_eq!(short(&refused), expected);
        assert_eq!(refused.is_retryable(), expected.starts_with("throttled") || expected.starts_with("failing"));
    }
    assert_eq!(google.grants(), 1, "none of these is the access token's fault");
}

#[tokio::test]
async fn the_registration_token_stays_out_of_the_words() {
    let (google, gateway) = google().await;
    google.fcm.answer_with([Reply::new(403, format!("no: {REGISTRATION} {}", &REGISTRATION[..30]))]);
    let refused = gateway.attempt(&registration(), &message()).await.unwrap_err();
    let shown = format!("{refused} {refused:?}");
    assert!(shown.contains("no: ***") && !shown.contains(&REGISTRATION[..20]), "{shown}");
}

/// The status counts, whatever follows it, and for however long. A token is only what its answer says.
#[tokio::test]
async fn oversized_answers() {
    let (google, gateway) = google().await;
    let head = |status: u16| format!("HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    let chunk = [b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat();
    let begun = Instant::now();
    for reply in [Reply::new(200, "x".repeat(1 << 20)), Reply::Endless(head(200), chunk.clone())] {
        google.fcm.answer_with([reply]);
        gateway.attempt(&registration(), &message()).await.unwrap();
    }
    for reply in [Reply::new(503, "x".repeat(1 << 20)), Reply::Endless(head(503), chunk.clone())] {
        google.fcm.answer_with([reply]);
        let refused = gateway.attempt(&registration(), &message()).await.unwrap_err();
        assert_eq!(short(&refused), "failing 503 None");
        assert!(format!("{refused:?}").len() < 2_000, "{}", format!("{refused:?}").len());
    }
    gateway.attempt(&registration(), &message()).await.unwrap();
    assert_eq!(google.sent().len(), 1, "and the gateway goes on");
    for reply in [Reply::new(200, "x".repeat(1 << 20)), Reply::Endless(head(200), chunk.clone())] {
        // A failure is remembered for a moment: each has a gateway of its own.
        let (google, gateway) = super::support::google().await;
        google.oauth.answer_with([reply]);
        let refused = gateway.attempt(&registration(), &message()).await.unwrap_err();
        assert!(format!("{refused} {refused:?}").len() < 2_000, "{refused:?}");
        assert_eq!((google.oauth.requests(), google.fcm.requests()), (1, 0));
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn slow_and_silent() {
    let (google, gateway) = google().await;
    google.fcm.answer_with([Reply::Half(Vec::new()), Reply::Cut(Vec::new())]);
    timeout(Duration::from_millis(200), gateway.attempt(&registration(), &message())).await.unwrap_err();
    let broken = gateway.attempt(&registration(), &message()).await.unwrap_err();
    assert!(matches!(broken, PushError::Unreachable(Some(_))), "{broken:?}");
    gateway.attempt(&registration(), &message()).await.unwrap();
}
