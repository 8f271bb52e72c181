//! Liveness and readiness.
//!
//! Ready is 503 only while the instance starts or drains, and when neither the store nor an allowed stale answer can
//! serve; anything less is 200 with `degraded`, since a blip must not empty the load balancer (DESIGN section 5).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::ports::Store;
use http::StatusCode;
use serde::Serialize;
use tokio::time::Instant;

use super::feed::{FeedReport, FeedWatch};
use crate::serve::Drain;
use crate::telemetry::Trouble;

/// How long an answer of the store's probe is believed: health is asked without a token, and must not become load.
const PROBE_LIFE: Duration = Duration::from_millis(500);
/// How long the probe waits for the store.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether the instance can serve.
pub struct Readiness {
    store: Arc<dyn Store>,
    drain: Drain,
    max_stale: Duration,
    started: AtomicBool,
    probe: tokio::sync::Mutex<Option<(Instant, bool)>>,
    store_answered: Mutex<Option<Instant>>,
    trouble: Arc<Trouble>,
    feed: Option<FeedWatch>,
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
}

impl Readiness {
    /// Not started yet. `trouble` knows which backends failed lately, `feed` where the instance stands.
    pub fn new(
        store: Arc<dyn Store>,
        drain: Drain,
        max_stale: Duration,
        trouble: Arc<Trouble>,
        feed: Option<FeedWatch>,
    ) -> Self {
        Self {
            store,
            drain,
            max_stale,
            started: AtomicBool::new(false),
            probe: tokio::sync::Mutex::new(None),
            store_answered: Mutex::new(None),
            trouble,
            feed,
        }
    }

    /// The instance has started.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// `/health/live`: the process runs.
    pub fn live() -> Response {
        Json(Report { status: "live", degraded: Vec::new(), feed: None }).into_response()
    }

    /// `/health/ready`.
    pub async fn ready(&self) -> Response {
        let feed = self.feed.as_ref().map(FeedWatch::report);
        let is_suspect = feed.as_ref().is_some_and(|feed| !feed.trusted);
        let report = move |code, status, degraded| (code, Json(Report { status, degraded, feed })).into_response();
        if !self.started.load(Ordering::Acquire) {
            return report(StatusCode::SERVICE_UNAVAILABLE, "starting", Vec::new());
        }
        if self.drain.is_draining() {
            return report(StatusCode::SERVICE_UNAVAILABLE, "draining", Vec::new());
        }
        let mut degraded = Vec::new();
        if !self.store_answers().await {
            degraded.push("store");
            if !self.stale_may_serve() {
                return report(StatusCode::SERVICE_UNAVAILABLE, "unavailable", degraded);
            }
        }
        for (name, is_so) in [
            ("shared", self.trouble.is_recent(&["shared", "backplane"])),
            ("bus", self.trouble.is_recent(&["bus"])),
            ("feed", is_suspect || self.trouble.is_recent(&["feed"])),
        ] {
            if is_so {
                degraded.push(name);
            }
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
        let answered = matches!(tokio::time::timeout(PROBE_TIMEOUT, self.store.incarnation()).await, Ok(Ok(_)));
        let now = Instant::now();
        *probe = Some((now, answered));
        if answered {
            *self.store_answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        answered
    }

    fn stale_may_serve(&self) -> bool {
        let answered = *self.store_answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.is_some_and(|at| at.elapsed() < self.max_stale)
    }
}
