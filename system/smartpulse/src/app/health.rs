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

use crate::serve::Drain;

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
    shared_errors: Box<dyn Fn() -> u64 + Send + Sync>,
    shared_errors_seen: Mutex<(u64, Option<Instant>)>,
}

/// The body of `/health/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Report {
    status: &'static str,
    /// What works less well than it should.
    degraded: Vec<&'static str>,
}

impl Readiness {
    /// Not started yet. `shared_errors` tells how often the shared tier failed so far.
    pub fn new(
        store: Arc<dyn Store>,
        drain: Drain,
        max_stale: Duration,
        shared_errors: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            store,
            drain,
            max_stale,
            started: AtomicBool::new(false),
            probe: tokio::sync::Mutex::new(None),
            store_answered: Mutex::new(None),
            shared_errors: Box::new(shared_errors),
            shared_errors_seen: Mutex::new((0, None)),
        }
    }

    /// The instance has started.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// `/health/live`: the process runs.
    pub fn live() -> Response {
        Json(Report { status: "live", degraded: Vec::new() }).into_response()
    }

    /// `/health/ready`.
    pub async fn ready(&self) -> Response {
        let report = |code, status, degraded| (code, Json(Report { status, degraded })).into_response();
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
        if self.shared_fails() {
            degraded.push("shared");
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

    /// Whether the shared tier failed within the last seconds.
    fn shared_fails(&self) -> bool {
        const RECENT: Duration = Duration::from_secs(10);
        let mut seen = self.shared_errors_seen.lock().unwrap_or_else(PoisonError::into_inner);
        let errors = (self.shared_errors)();
        if errors > seen.0 {
            *seen = (errors, Some(Instant::now()));
        }
        seen.1.is_some_and(|at| at.elapsed() < RECENT)
    }
}
