//! What an answer means (RFC 8030 sections 5 and 8; what Apple, Mozilla, Google and Microsoft do beyond it).

use domain::ports::{PushError, PushReceipt};

use crate::outgoing::{Answer, Endpoint, reason};

/// Words by which a push service says that the device subscribed with another key than the one that signed: Apple (400),
/// Mozilla (401), Google (400 and 403, in several wordings).
const MISMATCHES: [&str; 4] =
    ["vapidpkhashmismatch", "vapid public key mismatch", "unauthorizedregistration", "not correspond to"];

/// The outcome of an attempt at `endpoint`.
pub(super) fn outcome(answer: &Answer, endpoint: &Endpoint) -> Result<PushReceipt, PushError> {
    let (status, retry_after) = (answer.status, answer.retry_after);
    let reason = || reason(&answer.text, endpoint.secrets());
    Err(match status {
        // 201, and 202 where a receipt was promised; others answer 200 or 204.
        200..=299 => return Ok(PushReceipt { status }),
        // No part of the protocol. Following one would lead past the address policy.
        300..=399 => PushError::Rejected { status, reason: "a redirect, which is not followed".to_owned() },
        400 | 401 | 403 if is_mismatch(&answer.text) => PushError::SenderMismatch { status },
        401 | 403 => PushError::Unauthorized { status, reason: reason() },
        // Windows answers 410 also when it has blocked the sender, and then every device would be removed.
        410 if answer.text.to_ascii_lowercase().contains("blocked") => {
            PushError::Unauthorized { status, reason: reason() }
        }
        // RFC 8030 section 7.3: an expired subscription is a 404; most services say 410.
        404 | 410 => PushError::Gone { status },
        // Windows throttles with 406.
        406 | 429 => PushError::Throttled { status, retry_after },
        // Their time-out, their connection, their early data: another attempt may pass.
        408 | 421 | 425 | 500..=599 => PushError::Failing { status, retry_after },
        _ => PushError::Rejected { status, reason: reason() },
    })
}

fn is_mismatch(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    MISMATCHES.iter().any(|words| text.contains(words))
}
