//! What an answer of HTTP v1 means.

use std::time::Duration;

use domain::ports::{PushError, PushReceipt};
use serde_json::Value;

use crate::outgoing::{Answer, reason};

/// Google's own rule for a 429 that names no time.
const QUOTA_WAIT: Duration = Duration::from_secs(60);
const FCM_ERROR: &str = "google.firebase.fcm.v1.FcmError";

/// What came of one request: the port's outcome, or an access token that Google no longer takes.
pub(super) enum Outcome {
    Done(Result<PushReceipt, PushError>),
    TokenRefused,
}

/// The outcome of an attempt with `token`.
pub(super) fn outcome(answer: &Answer, token: &str) -> Outcome {
    let (status, retry_after) = (answer.status, answer.retry_after);
    if (200..300).contains(&status) {
        return Outcome::Done(Ok(PushReceipt { status }));
    }
    let json: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let code = code(&json);
    let reason = || reason(&answer.text, [token]);
    let unauthorized = || PushError::Unauthorized { status, reason: reason() };
    Outcome::Done(Err(match (status, code) {
        (_, Some("UNREGISTERED")) => PushError::Gone { status },
        (_, Some("SENDER_ID_MISMATCH")) => PushError::SenderMismatch { status },
        // The certificate for Apple, or the key for Web Push, that the project holds: a new token would not help.
        (401, Some("THIRD_PARTY_AUTH_ERROR")) => unauthorized(),
        (401, _) => return Outcome::TokenRefused,
        // The message is made here and known to be good: Google is right about the token, if it is that which it names.
        (400, _) if names_the_token(&json) => PushError::Gone { status },
        // A 404 that is not about a registration: the project or the URL is wrong, and no device is to blame.
        (403 | 404, _) => unauthorized(),
        (429, _) => PushError::Throttled { status, retry_after: retry_after.or(Some(QUOTA_WAIT)) },
        // 502 comes as HTML from in front of the API.
        (408 | 500..=599, _) => PushError::Failing { status, retry_after },
        (300..=399, _) => PushError::Rejected { status, reason: "a redirect, which is not followed".to_owned() },
        _ => PushError::Rejected { status, reason: reason() },
    }))
}

fn details(json: &Value) -> impl Iterator<Item = &Value> {
    json["error"]["details"].as_array().into_iter().flatten()
}

/// The code of FCM, which is not the status of Google's APIs beside it (a mismatch of senders is `PERMISSION_DENIED`).
fn code(json: &Value) -> Option<&str> {
    let is_ours = |detail: &&Value| detail["@type"].as_str().is_some_and(|kind| kind.ends_with(FCM_ERROR));
    details(json).find(is_ours)?["errorCode"].as_str()
}

fn names_the_token(json: &Value) -> bool {
    let violations = details(json).filter_map(|detail| detail["fieldViolations"].as_array()).flatten();
    let fields: Vec<_> = violations.filter_map(|violation| violation["field"].as_str()).collect();
    !fields.is_empty() && fields.iter().all(|field| *field == "message.token")
}
