//! Sends batches of forecasts, and tries again where that may help.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::auth::https_client;
use crate::auth::jwks::ClientError;
use crate::config::Secret;
use crate::http::FieldError;
use crate::import::{BatchBody, Item};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const ATTEMPTS_MAX: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Whoever asks for more patience than this is given up.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
const PROBLEM_CHARS_MAX: usize = 500;

/// What became of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ItemStatus {
    /// It is new.
    Created,
    /// It existed and was changed.
    Updated,
    /// It existed just so.
    Unchanged,
    /// It was refused.
    Invalid,
}

/// The result of one item.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ItemResult {
    /// Its place in the batch.
    pub index: usize,
    /// What became of it.
    pub status: ItemStatus,
    /// Why it is invalid.
    #[serde(default)]
    pub details: Vec<FieldError>,
}

/// The answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BatchAnswer {
    /// How many are new.
    pub created: u64,
    /// How many were changed.
    pub updated: u64,
    /// How many existed just so.
    pub unchanged: u64,
    /// How many were refused.
    pub invalid: u64,
    /// Item by item.
    pub results: Vec<ItemResult>,
}

/// A batch could not be sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// Nobody answers.
    #[error("cannot reach {url}: {}{}", root_cause(.source), way_out(.source))]
    Unreachable {
        /// The address.
        url: String,
        /// The reason.
        source: Arc<reqwest::Error>,
    },
    /// The token is missing or not accepted.
    #[error(
        "{url} does not accept the token ({problem}): give one with --token or SMARTPULSE_TOKEN; `smartpulse token` makes one"
    )]
    Unauthorized {
        /// The address.
        url: String,
        /// The service's words.
        problem: String,
    },
    /// Another refusal.
    #[error("{url} answered {status}: {problem}")]
    Refused {
        /// The address.
        url: String,
        /// The status.
        status: StatusCode,
        /// The service's words.
        problem: String,
    },
    /// Too many attempts.
    #[error("given up after {ATTEMPTS_MAX} attempts: {0}")]
    GivenUp(Box<SendError>),
}

impl SendError {
    /// Whether another attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            SendError::Unreachable { .. } | SendError::GivenUp(_) => true,
            SendError::Unauthorized { .. } => false,
            SendError::Refused { status, .. } => matches!(status.as_u16(), 429 | 503),
        }
    }
}

/// Sends batches to one service.
#[derive(Debug)]
pub struct BatchClient {
    http: reqwest::Client,
    url: String,
    token: Option<Secret<String>>,
    /// Only a service that has answered once is worth waiting for.
    has_answered: bool,
}

impl BatchClient {
    /// A client of the service at `base` (`http://127.0.0.1:8080`).
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn new(base: &str, token: Option<Secret<String>>) -> Result<Self, ClientError> {
        let url = format!("{}/api/forecasts/batch", base.trim_end_matches('/'));
        Ok(Self { http: https_client()?, url, token, has_answered: false })
    }

    /// Sends one batch. The natural key of its items makes a repetition harmless. `waiting` hears of each pause.
    ///
    /// # Errors
    /// It was refused, or nobody answered, after bounded attempts.
    pub async fn send(&mut self, items: &[Item], mut waiting: impl FnMut(&str)) -> Result<BatchAnswer, SendError> {
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let (error, retry_after) = match self.attempt(items).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let hopeless = matches!(error, SendError::Unreachable { .. }) && !self.has_answered;
            if hopeless || !error.is_retryable() || retry_after.is_some_and(|after| after > RETRY_AFTER_MAX) {
                return Err(error);
            }
            if attempt == ATTEMPTS_MAX {
                return Err(SendError::GivenUp(Box::new(error)));
            }
            let pause = retry_after.unwrap_or(wait);
            waiting(&format!("{error}; next attempt in {:.1} s", pause.as_secs_f64()));
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(WAIT_MAX);
            attempt += 1;
        }
    }

    async fn attempt(&mut self, items: &[Item]) -> Result<BatchAnswer, (SendError, Option<Duration>)> {
        let unreachable = |error| (SendError::Unreachable { url: self.url.clone(), source: Arc::new(error) }, None);
        let mut request = self.http.post(&self.url).timeout(REQUEST_TIMEOUT);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let response = request.json(&BatchBody { items, notify: false }).send().await.map_err(unreachable)?;
        let status = response.status();
        let retry_after = response.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let body = response.bytes().await.map_err(unreachable)?;
        self.has_answered = true;
        let url = self.url.clone();
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                let problem = format!("the answer is not that of a batch ({error}); is this the right address?");
                (SendError::Refused { url, status, problem }, None)
            });
        }
        let problem = words_of(&body);
        let error = match status {
            StatusCode::UNAUTHORIZED => SendError::Unauthorized { url, problem },
            _ => SendError::Refused { url, status, problem },
        };
        Err((error, retry_after))
    }
}

/// What a problem document says, or the beginning of whatever came in its place.
pub(super) fn words_of(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Words {
        title: String,
        detail: Option<String>,
    }
    match serde_json::from_slice::<Words>(body) {
        Ok(Words { title, detail: Some(detail) }) => format!("{title}: {detail}"),
        Ok(Words { title, detail: None }) => title,
        Err(_) => String::from_utf8_lossy(body).chars().take(PROBLEM_CHARS_MAX).collect(),
    }
}

/// Where nobody listens, perhaps nobody runs.
fn way_out(error: &reqwest::Error) -> &'static str {
    if error.is_connect() { ". Is the service running there? `smartpulse` starts one" } else { "" }
}

/// The library's own words only say that the request was not sent.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
