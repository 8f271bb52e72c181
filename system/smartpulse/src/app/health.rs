//! Liveness and readiness.
//!
//! Ready is 503 only while the instance starts or drains, and when neither the store nor an allowed stale answer can
//! serve; anything less is 200 with `degraded`, since a blip must not empty the load balancer (DESIGN section 5).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::StatusCode;
use serde::Serialize;
use tokio::time::Instant;

use super::feed::{FeedReport, FeedWatch};
use crate::serve::Drain;

/// How a feed that cannot be trusted is named.
pub(super) const FEED: &str = "feed";
/// How long an answer of the store's probe is believed: health is asked without a token, and must not become load.
const PROBE_LIFE: Duration = Duration::from_millis(500);
/// How long the probe waits for the store.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Asks the store for something small: whether it answers.
pub type Probe = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// What works less well than it should.
pub type Degraded = Arc<dyn Fn() -> Vec<&'static str> + Send + Sync>;

/// What readiness is judged by.
pub struct HealthParts {
    /// Asks the store.
    pub probe: Probe,
    /// The end of the instance.
    pub drain: Drain,
    /// How long what was read may still be served when the store is away.
    pub max_stale: Duration,
    /// What else works less well than it should.
    pub degraded: Degraded,
    /// Where the instance stands in the stream of changes.
    pub feed: Option<FeedWatch>,
    /// Whether all notifications go to sinks.
    pub sinks: bool,
}

/// Whether a service of the instance can serve.
pub struct Readiness {
    parts: HealthParts,
    started: AtomicBool,
    probe: tokio::sync::Mutex<Option<(Instant, bool)>>,
    store_answered: Mutex<Option<Instant>>,
}

/// The body of `/health/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Report {
    status: &'static str,
    /// What works less well than it should.
    degraded: Vec<&'static str>,
    /// Where the instance stands in the stream of changes; absent where it follows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    feed: Option<FeedReport>,
    /// All notifications go to sinks: this is no place for real users.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sinks: bool,
}

impl Readiness {
    /// Not started yet.
    pub fn new(parts: HealthParts) -> Self {
        let (probe, store_answered) = (tokio::sync::Mutex::new(None), Mutex::new(None));
        Self { parts, started: AtomicBool::new(false), probe, store_answered }
    }

    /// The instance has started.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// `/health/live`: the process runs.
    pub fn live() -> Response {
        Json(Report { status: "live", degraded: Vec::new(), feed: None, sinks: false }).into_response()
    }

    /// `/health/ready`.
    pub async fn ready(&self) -> Response {
        let feed = self.parts.feed.as_ref().map(FeedWatch::report);
        let is_suspect = feed.as_ref().is_some_and(|feed| !feed.trusted);
        let sinks = self.parts.sinks;
        let report =
            move |code, status, degraded| (code, Json(Report { status, degraded, feed, sinks })).into_response();
        if !self.started.load(Ordering::Acquire) {
            return report(StatusCode::SERVICE_UNAVAILABLE, "starting", Vec::new());
        }
        if self.parts.drain.is_draining() {
            return report(StatusCode::SERVICE_UNAVAILABLE, "draining", Vec::new());
        }
        let mut degraded = Vec::new();
        if !self.store_answers().await {
            degraded.push("store");
            if !self.stale_may_serve() {
                return report(StatusCode::SERVICE_UNAVAILABLE, "unavailable", degraded);
            }
        }
        degraded.extend((self.parts.degraded)());
        if is_suspect && !degraded.contains(&FEED) {
            degraded.push(FEED);
        }
        let status = if degraded.is_empty() { "ready" } else { "degraded" };
        report(StatusCode::OK, status, degraded)
    }

    async fn store_answers(&self) -> bool {
        // One probe at a time; who waited takes its result.
        let mut probe = self.probe.lock().await;
        if let Some((at, answered)) = *probe
            && at.elapsed() < PROBE_LIFE
        {
            return answered;
        }
        let answered = matches!(tokio::time::timeout(PROBE_TIMEOUT, (self.parts.probe)()).await, Ok(true));
        let now = Instant::now();
        *probe = Some((now, answered));
        if answered {
            *self.store_answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        answered
    }

    fn stale_may_serve(&self) -> bool {
        let answered = *self.store_answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.is_some_and(|at| at.elapsed() < self.parts.max_stale)
    }
}
