//! Around the router: request id, instance, panics, metrics, the cap, the log of requests. One service and one future for
//! all of it, outside the router and not a layer in it: there each layer costs every route a boxed future.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::code::Code;
use super::concurrency::{ConcurrencyCap, Running};
use super::problem::{InternalCause, Problem};
use super::request_id::{RequestIds, X_INSTANCE, X_REQUEST_ID};
use crate::panics::panic_text;
use crate::telemetry::RequestMetrics;
use crate::telemetry::requests::RouteIndex;

/// What no cap concerns.
const HEALTH: &str = "/health/";

/// What follows is a secret: who knows the path may do what it says.
pub(super) const CAPABILITY: &str = "/unsubscribe/";

/// As much of a path as a log may hold.
fn loggable(path: &str) -> &str {
    if path.starts_with(CAPABILITY) { CAPABILITY } else { path }
}

/// Left in the extensions of a request whose `Host` is missing or given twice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BadHost;

#[derive(Debug)]
struct Shared {
    ids: RequestIds,
    metrics: RequestMetrics,
    log_requests: bool,
}

/// Puts the edge around a router: `EdgeLayer::new(..).layer(router)`.
#[derive(Debug, Clone)]
pub struct EdgeLayer {
    shared: Arc<Shared>,
    cap: Option<ConcurrencyCap>,
}

impl EdgeLayer {
    /// `log_requests` logs each answer at INFO; it is off by default, since a hit is cheaper than its log line.
    /// With a `cap`, what comes over it is answered with 503 and reaches no handler.
    pub fn new(ids: RequestIds, metrics: RequestMetrics, log_requests: bool, cap: Option<ConcurrencyCap>) -> Self {
        Self { shared: Arc::new(Shared { ids, metrics, log_requests }), cap }
    }

    /// The same edge without the cap: for the inside, which must see a full instance.
    #[must_use]
    pub fn uncapped(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), cap: None }
    }

    /// The same edge with another cap: for another service of the instance.
    #[must_use]
    pub fn with_cap(&self, cap: ConcurrencyCap) -> Self {
        Self { shared: Arc::clone(&self.shared), cap: Some(cap) }
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { inner, shared: Arc::clone(&self.shared), cap: self.cap.clone() }
    }
}

/// The service made by [`EdgeLayer`].
#[derive(Debug, Clone)]
pub struct Edge<S> {
    inner: S,
    shared: Arc<Shared>,
    cap: Option<ConcurrencyCap>,
}

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = Infallible;
    type Future = EdgeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = self.shared.ids.of(request.headers());
        let route = self.shared.metrics.route(request.uri().path());
        let method = request.method().clone();
        let path = self.shared.log_requests.then(|| loggable(request.uri().path()).to_owned());
        self.shared.metrics.begin();
        // A full instance is alive and ready, and says so.
        let cap = self.cap.as_ref().filter(|_| !request.uri().path().starts_with(HEALTH));
        let (running, refused) = match cap.map(ConcurrencyCap::try_enter) {
            None => (None, None),
            Some(Ok(running)) => (Some(running), None),
            Some(Err(problem)) => (None, Some(problem)),
        };
        let bad_host = request.extensions().get::<BadHost>();
        let refused = refused.or_else(|| bad_host.map(|BadHost| Problem::invalid_field("Host", "must be given once")));
        let inner = refused.is_none().then(|| self.inner.call(request));
        let shared = Arc::clone(&self.shared);
        let seen = Seen { shared, id, route, method, path, started: Instant::now(), refused, _running: running };
        EdgeFuture { inner, seen }
    }
}

/// What the edge keeps of a request until its answer.
#[derive(Debug)]
struct Seen {
    shared: Arc<Shared>,
    id: HeaderValue,
    route: RouteIndex,
    method: Method,
    path: Option<String>,
    started: Instant,
    refused: Option<Problem>,
    _running: Option<Running>,
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.shared.metrics.end();
    }
}

pin_project! {
    /// The future of [`Edge`].
    pub struct EdgeFuture<F> {
        #[pin]
        inner: Option<F>,
        seen: Seen,
    }
}

impl<F, R> Future for EdgeFuture<F>
where
    F: Future<Output = Result<R, Infallible>>,
    R: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let inner = match (this.inner.as_pin_mut(), this.seen.refused.take()) {
            (Some(inner), None) => inner,
            (_, problem) => {
                let problem = problem.unwrap_or_else(|| Problem::internal("polled after its end"));
                return Poll::Ready(Ok(this.seen.finish(problem.into_response())));
            }
        };
        // A handler that panicked is not polled again, so what it left half done is never seen.
        let response = match catch_unwind(AssertUnwindSafe(|| inner.poll(cx))) {
            Ok(polled) => match ready!(polled) {
                Ok(response) => response.into_response(),
                Err(never) => match never {},
            },
            Err(payload) => {
                this.seen.shared.metrics.panicked();
                Problem::internal(format!("the handler panicked: {}", panic_text(&*payload))).into_response()
            }
        };
        Poll::Ready(Ok(this.seen.finish(response)))
    }
}

impl Seen {
    fn finish(&mut self, mut response: Response) -> Response {
        if let Some(InternalCause(cause)) = response.extensions_mut().remove::<InternalCause>() {
            let id = self.id.to_str().unwrap_or_default();
            tracing::error!(request_id = id, method = %self.method, cause, "internal error");
            *response.body_mut() = Body::from(Problem::new(Code::Internal).body(Some(id)));
        }
        let took = self.started.elapsed();
        let status = response.status();
        self.shared.metrics.answered(self.route, &self.method, status, took);
        if let Some(path) = &self.path {
            let (id, took_us) = (self.id.to_str().unwrap_or_default(), took.as_micros());
            tracing::info!(request_id = id, method = %self.method, path, status = status.as_u16(), took_us, "request");
        }
        let headers = response.headers_mut();
        // Moved, not copied: a copy would make the bytes shared, which allocates.
        headers.insert(X_REQUEST_ID, std::mem::replace(&mut self.id, HeaderValue::from_static("-")));
        headers.insert(X_INSTANCE, self.shared.ids.instance().clone());
        response
    }
}
