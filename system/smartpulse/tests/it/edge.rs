//! The edge around real routes.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde_json::Value;
use smartpulse::http::params::{method_not_allowed, route_not_found};
use smartpulse::http::{ConcurrencyCap, EdgeLayer, Problem, RequestIds};
use smartpulse::telemetry::{Catalogue, RequestMetrics};
use tower::ServiceExt;

fn router() -> (Router, Catalogue) {
    capped(None)
}

fn capped(cap: Option<ConcurrencyCap>) -> (Router, Catalogue) {
    let mut catalogue = Catalogue::new();
    let metrics = RequestMetrics::register(&mut catalogue, ["/things/{id}".to_owned()]);
    let router = Router::new()
        .route("/things/{id}", get(|| async { "thing" }))
        .route("/never", get(std::future::pending::<()>))
        .route("/panic", get(|| async { panic!("secret state") as () }))
        .route("/broken", get(|| async { Problem::internal("disk password hunter2") }))
        .fallback(route_not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(EdgeLayer::new(RequestIds::new("node-1", "b"), metrics, false, cap));
    (router, catalogue)
}

async fn call(router: &Router, method: &str, path: &str, id: Option<&str>) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(id) = id {
        request = request.header("x-request-id", id);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn document(response: Response) -> Value {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap()
}

#[tokio::test]
async fn every_answer_names_its_request_and_its_instance() {
    let (router, _) = router();
    for path in ["/things/1", "/nowhere", "/panic", "/broken"] {
        let response = call(&router, "GET", path, Some("mine-1")).await;
        assert_eq!(response.headers()["x-request-id"], "mine-1", "{path}");
        assert_eq!(response.headers()["x-instance"], "node-1", "{path}");
    }
    let counted = call(&router, "GET", "/things/1", None).await;
    assert_eq!(counted.headers()["x-request-id"], "node-1-b-1");
}

#[tokio::test]
async fn a_panic_and_an_internal_error_show_the_request_id_and_nothing_else() {
    let (router, catalogue) = router();
    for path in ["/panic", "/broken"] {
        let response = call(&router, "GET", path, Some("mine-2")).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let document = document(response).await;
        assert_eq!((document["code"].as_str(), document["requestId"].as_str()), (Some("INTERNAL"), Some("mine-2")));
        let text = document.to_string();
        assert!(!text.contains("secret") && !text.contains("hunter2"), "{text}");
    }
    assert!(catalogue.encode().contains("smartpulse_http_panics_total 1"));
    assert!(catalogue.encode().contains("smartpulse_http_requests_running 0"));
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_and_counted_by_template() {
    let (router, catalogue) = router();
    assert_eq!(document(call(&router, "GET", "/nowhere", None).await).await["code"], "ROUTE_NOT_FOUND");
    let refused = call(&router, "DELETE", "/things/1", None).await;
    assert!(refused.headers()["allow"].to_str().unwrap().contains("GET"));
    assert_eq!(document(refused).await["code"], "METHOD_NOT_ALLOWED");
    call(&router, "GET", "/things/7", None).await;
    let text = catalogue.encode();
    assert!(text.contains(r#"http_requests_total{route="/things/{id}",method="GET",status="200"} 1"#), "{text}");
    assert!(text.contains(r#"http_requests_total{route="/things/{id}",method="DELETE",status="405"} 1"#), "{text}");
    assert!(text.contains(r#"http_requests_total{route="unmatched",method="GET",status="404"} 1"#), "{text}");
}

#[tokio::test]
async fn what_comes_over_the_cap_is_503_and_a_client_that_leaves_makes_room() {
    let (router, catalogue) = capped(Some(ConcurrencyCap::new(1)));
    let busy = router.clone();
    let running = tokio::spawn(async move { call(&busy, "GET", "/never", None).await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let refused = call(&router, "GET", "/things/1", None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after") && refused.headers().contains_key("x-request-id"));
    assert_eq!(document(refused).await["code"], "OVERLOADED");
    running.abort();
    assert!(running.await.is_err());
    assert_eq!(call(&router, "GET", "/things/1", None).await.status(), StatusCode::OK);
    assert!(catalogue.encode().contains("smartpulse_http_requests_running 0"));
}
