//! What a service answered, as much of it as is of use.

use std::time::Duration;

use coherence::Timestamp;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::timeout;

use super::retry_after::retry_after;

/// Of a body only so much is read. Nothing that a push service says is longer.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// And only for so long: the status is what counts, and it is here already.
const BODY_DEADLINE: Duration = Duration::from_secs(1);

/// Where WNS says why, since its bodies are empty.
const WNS_DESCRIPTION: &str = "x-wns-error-description";

/// Status, wait and words of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The body, cut at 16 KiB or at what came within a second.
    pub(crate) text: String,
}

impl Answer {
    /// Reads a response. The body of a success is read too: a connection whose answer is not read to its end is lost.
    pub(super) async fn read(mut response: Response, now: Timestamp) -> Self {
        let status = response.status().as_u16();
        let said = |headers: &HeaderMap, name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let wait = said(response.headers(), RETRY_AFTER.as_str()).and_then(|text| retry_after(&text, now));
        let described = said(response.headers(), WNS_DESCRIPTION);
        let mut body = Vec::new();
        // What was read until a deadline or a broken connection is kept.
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                let room = BODY_BYTES_MAX - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if body.len() == BODY_BYTES_MAX {
                    break;
                }
            }
        };
        let _ = timeout(BODY_DEADLINE, read).await;
        let mut text = String::from_utf8_lossy(&body).into_owned();
        if let Some(described) = described {
            text.push_str(&described);
        }
        Self { status, retry_after: wait, text }
    }
}
