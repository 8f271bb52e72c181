//! The two routers of an instance.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{HeaderValue, Method, header};
use tower::Layer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::openapi::OpenApi;

use super::health::Readiness;
use super::pages;
use crate::config::{Config, HttpConfig, InstanceRole};
use crate::http::admin::{self, AdminApi};
use crate::http::edge::Edge;
use crate::http::forecasts::{self, ForecastApi};
use crate::http::notifications::{self, NotificationApi};
use crate::http::params::{method_not_allowed, route_not_found};
use crate::http::{ConcurrencyCap, EdgeLayer};
use crate::telemetry::Catalogue;
use crate::telemetry::catalogue::OPENMETRICS;

/// The routes of one address, inside their edge: what is served.
pub type Routes = Edge<Router>;

/// Paths outside the API description, as the metrics of requests know them.
pub(super) const PLAIN_PATHS: [&str; 8] =
    ["/", "/docs", "/openapi.json", "/forecasts/{id}", "/notifications", "/health/live", "/health/ready", "/metrics"];

/// The routes of the API with their description.
pub(super) fn described() -> (Router<ForecastApi>, OpenApi) {
    let (router, api) = forecasts::routes().split_for_parts();
    (router, pages::openapi(api))
}

/// The description of the API: what `/openapi.json` serves.
pub fn description() -> OpenApi {
    described().1
}

/// The routes of the notification API with their description.
pub(super) fn notifications_described() -> (Router<NotificationApi>, OpenApi) {
    let (router, api) = notifications::routes().split_for_parts();
    (router, pages::notification_openapi(api))
}

/// The description of the notification API: what its `/openapi.json` serves.
pub fn notification_description() -> OpenApi {
    notifications_described().1
}

/// `/openapi.json`, made once: the description does not change while the instance runs.
fn description_page(description: &OpenApi) -> Router {
    let description: Arc<str> = description.to_json().unwrap_or_default().into();
    let served = move || {
        let description = Arc::clone(&description);
        async move { ([(header::CONTENT_TYPE, "application/json")], description.to_string()) }
    };
    Router::new().route("/openapi.json", get(served))
}

/// What listens on `http.listen`, inside `edge`. An instance that does not serve forecasts has pages and health alone.
pub(super) fn public(api: ForecastApi, readiness: &Arc<Readiness>, config: &Config, edge: &EdgeLayer) -> Routes {
    let (router, description) = described();
    let serves = config.roles.has(InstanceRole::ForecastApi);
    let router = if serves { router.with_state(api) } else { Router::new() };
    let router = router
        .route("/", get(|| async { pages::landing() }))
        .route("/forecasts/{id}", get(|| async { pages::forecast() }))
        .route("/docs", get(|| async { pages::docs() }))
        .merge(description_page(&description))
        .merge(health(readiness))
        .fallback(route_not_found)
        .method_not_allowed_fallback(method_not_allowed);
    edge.layer(match cors(&config.http) {
        Some(layer) => router.layer(layer),
        None => router,
    })
}

/// What listens on `notifications.listen`, inside `edge` with a cap of its own: neither service takes the other's room.
/// An instance that does not serve notifications has pages and health alone.
pub(super) fn of_notifications(
    api: NotificationApi,
    readiness: &Arc<Readiness>,
    config: &Config,
    edge: &EdgeLayer,
) -> Routes {
    let (router, description) = notifications_described();
    let serves = config.roles.has(InstanceRole::NotificationApi);
    let router = if serves { router.with_state(api) } else { Router::new() };
    let router = router
        .route("/", get(|| async { pages::notification_landing() }))
        .route("/notifications", get(|| async { pages::inbox() }))
        .route("/docs", get(|| async { pages::docs() }))
        .merge(description_page(&description))
        .merge(health(readiness))
        .fallback(route_not_found)
        .method_not_allowed_fallback(method_not_allowed);
    let cap = ConcurrencyCap::new(config.http.max_concurrent_requests);
    edge.with_cap(cap).layer(match cors(&config.http) {
        Some(layer) => router.layer(layer),
        None => router,
    })
}

/// What listens on `internal.listen`, inside `edge` without its cap.
pub(super) fn internal(
    catalogue: Arc<Catalogue>,
    readiness: &Arc<Readiness>,
    admin: AdminApi,
    edge: &EdgeLayer,
) -> Routes {
    let scrape = move || {
        let catalogue = Arc::clone(&catalogue);
        async move { ([(header::CONTENT_TYPE, OPENMETRICS)], catalogue.encode()).into_response() }
    };
    let router = Router::new()
        .route("/metrics", get(scrape))
        .merge(admin::routes().with_state(admin))
        .merge(health(readiness))
        .fallback(route_not_found)
        .method_not_allowed_fallback(method_not_allowed);
    edge.uncapped().layer(router)
}

fn health(readiness: &Arc<Readiness>) -> Router {
    let readiness = Arc::clone(readiness);
    let ready = move || {
        let readiness = Arc::clone(&readiness);
        async move { readiness.ready().await }
    };
    Router::new().route("/health/live", get(|| async { Readiness::live() })).route("/health/ready", get(ready))
}

/// `http.cors_origins`, empty by default: then no header of CORS is ever sent.
fn cors(http: &HttpConfig) -> Option<CorsLayer> {
    if http.cors_origins.is_empty() {
        return None;
    }
    let origins = http.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let asked = [
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "last-event-id",
        "traceparent",
        "x-min-version",
        "x-request-id",
    ];
    let shown = [
        "age",
        "cache-status",
        "etag",
        "idempotency-replayed",
        "location",
        "retry-after",
        "x-cache-hit",
        "x-cache-level",
        "x-cache-stale",
        "x-instance",
        "x-request-id",
        "x-version",
    ];
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(asked.map(http::HeaderName::from_static))
            .expose_headers(shown.map(http::HeaderName::from_static)),
    )
}
