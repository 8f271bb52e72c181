//! Every answer of the tables.

use std::time::Duration;

use adapters::system::SystemClock;
use adapters::testing::Reply;
use coherence::{Timestamp, WallClock};
use domain::ports::{PushError, PushGateway, PushReceipt};

use super::support::{connected, message};

/// The outcome in a form that can be compared.
fn short(outcome: &Result<PushReceipt, PushError>) -> String {
    match outcome {
        Ok(receipt) => format!("sent {}", receipt.status),
        Err(PushError::Gone { status }) => format!("gone {status}"),
        Err(PushError::SenderMismatch { status }) => format!("mismatch {status}"),
        Err(PushError::Unauthorized { status, reason }) => format!("unauthorized {status}: {reason}"),
        Err(PushError::Rejected { status, reason }) => format!("rejected {status}: {reason}"),
        Err(PushError::Throttled { status, retry_after }) => format!("throttled {status} {retry_after:?}"),
        Err(PushError::Failing { status, retry_after }) => format!("failing {status} {retry_after:?}"),
        Err(other) => format!("{other:?}"),
    }
}

#[tokio::test]
async fn the_table_of_statuses() {
    let (service, gateway, target) = connected().await;
    let mozilla =
        |errno: u32, message: &str| format!(r#"{{"code":401,"errno":{errno},"error":"x","message":"{message}"}}"#);
    let retry = |status, wait: &str| Reply::new(status, "").header("Retry-After", wait);
    let cases = [
        (Reply::new(200, "ok"), "sent 200"),
        (Reply::new(201, ""), "sent 201"),
        (Reply::new(202, ""), "sent 202"),
        (Reply::new(204, ""), "sent 204"),
        (Reply::new(400, r#"{"reason":"VapidPkHashMismatch"}"#), "mismatch 400"),
        (Reply::new(400, "<HTML><H1>UnauthorizedRegistration</H1></HTML>"), "mismatch 400"),
        (Reply::new(400, r#"{"reason":"BadTtl"}"#), "rejected 400: BadTtl"),
        (Reply::new(401, mozilla(109, "VAPID public key mismatch")), "mismatch 401"),
        (Reply::new(401, mozilla(109, "Invalid VAPID audience")), "unauthorized 401: 109 Invalid VAPID audience x"),
        (
            Reply::new(
                403,
                "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.",
            ),
            "mismatch 403",
        ),
        (Reply::new(403, r#"{"reason":"BadJwtToken"}"#), "unauthorized 403: BadJwtToken"),
        (Reply::new(404, mozilla(102, "Request did not validate")), "gone 404"),
        (Reply::new(410, mozilla(103, "Expired URL endpoint")), "gone 410"),
        (Reply::new(410, ""), "gone 410"),
        (Reply::new(410, "The sending domain is blocked."), "unauthorized 410: The sending domain is blocked."),
        (
            Reply::new(410, "").header("X-WNS-Error-Description", "Domain blocked for abuse"),
            "unauthorized 410: Domain blocked for abuse",
        ),
        (Reply::new(413, "too large"), "rejected 413: too large"),
        (retry(406, "7"), "throttled 406 Some(7s)"),
        (retry(429, "120"), "throttled 429 Some(120s)"),
        (retry(429, "999999999999999999999"), "throttled 429 Some(3600s)"),
        (retry(429, "soon"), "throttled 429 None"),
        (Reply::new(429, ""), "throttled 429 None"),
        (Reply::new(500, ""), "failing 500 None"),
        (Reply::new(502, "<html>"), "failing 502 None"),
        (retry(503, "3"), "failing 503 Some(3s)"),
        (Reply::new(408, ""), "failing 408 None"),
        (Reply::new(405, ""), "rejected 405: no reason given"),
    ];
    for (reply, expected) in cases {
        service.server.answer_with([reply]);
        let outcome = gateway.attempt(&target, &message()).await;
        assert_eq!(short(&outcome), expected);
        let is_retryable = outcome.err().is_some_and(|error| error.is_retryable());
        assert_eq!(is_retryable, expected.starts_with("throttled") || expected.starts_with("failing"), "{expected}");
    }
}

#[tokio::test]
async fn a_date_to_come_back_at() {
    let (service, gateway, target) = connected().await;
    let at = Timestamp::from_second(SystemClock.now().as_second() + 100).unwrap();
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    service.server.answer_with([Reply::new(429, "").header("Retry-After", &date)]);
    let wait = gateway.attempt(&target, &message()).await.unwrap_err().retry_after().unwrap();
    assert!((Duration::from_secs(95)..=Duration::from_secs(100)).contains(&wait), "{wait:?}");
}

/// A redirect would lead past the address policy.
#[tokio::test]
async fn no_redirect_is_followed() {
    let (service, gateway, target) = connected().await;
    let (elsewhere, _, _) = connected().await;
    for status in [301, 302, 303, 307, 308] {
        for place in [elsewhere.server.origin(), service.server.origin(), "http://169.254.169.254/".to_owned()] {
            service.server.answer_with([Reply::new(status, "").header("Location", &place)]);
            let refused = gateway.attempt(&target, &message()).await.unwrap_err();
            assert!(matches!(refused, PushError::Rejected { .. }), "{refused:?}");
        }
    }
    assert_eq!((elsewhere.server.requests(), service.server.requests()), (0, 15));
}

/// A service that repeats the endpoint in its words does not bring it into our logs.
#[tokio::test]
async fn no_error_shows_a_capability() {
    let (service, gateway, target) = connected().await;
    for status in [400, 401, 403, 413] {
        let words = format!("bad: {}/push/device-0 (device-0) x", service.server.origin());
        service.server.answer_with([Reply::new(status, words)]);
        let refused = gateway.attempt(&target, &message()).await.unwrap_err();
        let shown = format!("{refused} {refused:?}");
        assert!(shown.contains("bad:") && !shown.contains("device-0"), "{shown}");
    }
}
