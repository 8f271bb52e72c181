//! Health on both addresses, metrics on the internal one.

use std::time::Duration;

use axum::serve::Listener;
use domain::ports::StoreError;
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::client::{Ask, Reply};
use super::support::{On, TestApp, after, forecast, writer};

/// Nobody ever connects: the routers are asked directly.
pub(super) struct Silence;

impl Listener for Silence {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        std::future::pending().await
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Both addresses answer the same.
async fn ready(public: &smartpulse::app::Routes, internal: &smartpulse::app::Routes) -> (u16, Value) {
    let one = Ask::new(public, None, "GET", "/health/ready").send().await;
    let other = Ask::new(internal, None, "GET", "/health/ready").send().await;
    assert_eq!((one.status, &one.body), (other.status, &other.body));
    for router in [public, internal] {
        let live = Ask::new(router, None, "GET", "/health/live").send().await;
        assert_eq!((live.status.as_u16(), live.json()), (200, json!({"status": "live", "degraded": []})), "always");
    }
    (one.status.as_u16(), one.json())
}

fn serving(app: smartpulse::app::App) -> JoinHandle<smartpulse::app::Ended> {
    tokio::spawn(app.serve(Silence, Silence))
}

#[tokio::test(start_paused = true)]
async fn ready_is_503_only_while_it_starts_or_drains_or_cannot_serve() {
    let settings = [("drain.delay_ms", "5000"), ("cache.max_stale_s", "60")];
    let TestApp { app, router, internal, store, .. } = TestApp::with(On::Memory, &settings).await;
    let report = |status: &str, degraded: Value| json!({"status": status, "degraded": degraded});
    assert_eq!(ready(&router, &internal).await, (503, report("starting", json!([]))));
    let drain = app.drain().clone();
    let task = serving(app);
    tokio::task::yield_now().await;
    assert_eq!(ready(&router, &internal).await, (200, report("ready", json!([]))));

    after(1).await;
    store.fail(StoreError::Unavailable(None));
    assert_eq!(ready(&router, &internal).await, (200, report("degraded", json!(["store"]))), "stale answers may serve");
    after(60).await;
    assert_eq!(ready(&router, &internal).await, (503, report("unavailable", json!(["store"]))));
    store.heal();
    after(1).await;
    assert_eq!(ready(&router, &internal).await, (200, report("ready", json!([]))));

    drain.begin();
    tokio::task::yield_now().await;
    assert_eq!(ready(&router, &internal).await, (503, report("draining", json!([]))));
    tokio::time::timeout(Duration::from_secs(60), task).await.expect("it ends").unwrap();
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_shared_tier_is_no_reason_to_be_left_out() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    app.shared.fail();
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    assert_eq!(app.get(&token, &path).await.status, 200);
    let (router, internal) = (app.router.clone(), app.internal.clone());
    let task = serving(app.app);
    tokio::task::yield_now().await;
    let degraded = json!({"status": "degraded", "degraded": ["shared"]});
    assert_eq!(ready(&router, &internal).await, (200, degraded));
    after(11).await;
    assert_eq!(ready(&router, &internal).await.1["status"], "ready", "no failure for a while");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_does_not_hang_the_probe() {
    let app = TestApp::memory().await;
    // An error that is no outage is none for the probe either: it asks the store itself.
    app.store.fail(StoreError::Timeout);
    let (router, internal) = (app.router.clone(), app.internal.clone());
    let task = serving(app.app);
    tokio::task::yield_now().await;
    assert_eq!(ready(&router, &internal).await.0, 503, "it never answered, so there is nothing stale either");
    task.abort();
}

fn metric(page: &Reply, line: &str) -> bool {
    page.text().lines().any(|one| one == line)
}

#[tokio::test]
async fn metrics_are_inside_and_count_what_happened() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    app.ask("GET", "/metrics").by(&token).send().await.problem(404, "ROUTE_NOT_FOUND");
    let inside = Ask::new(&app.internal, None, "GET", "/api/forecasts").by(&token).send().await;
    inside.problem(404, "ROUTE_NOT_FOUND");

    let path = app.create(&token, &forecast(1, 1, 1)).await;
    for _ in 0..4 {
        app.get(&token, &path).await;
    }
    for _ in 0..3 {
        app.get(&token, "/api/forecasts").await;
    }
    let page = app.inside("/metrics").await;
    assert!(page.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "smartpulse_cache_answers_total{tier=\"L4\"} 1",
        "smartpulse_cache_answers_total{tier=\"L1\"} 3",
        "smartpulse_cache_loads_total 1",
        "smartpulse_cache_builds_total 1",
        "smartpulse_cache_answers_total{tier=\"output\"} 2",
        "smartpulse_cache_shared_stored_total 1",
        "smartpulse_http_requests_total{route=\"/api/forecasts/{id}\",method=\"GET\",status=\"200\"} 4",
        "smartpulse_http_requests_total{route=\"/api/forecasts\",method=\"POST\",status=\"201\"} 1",
        "smartpulse_backend_call_duration_seconds_count{port=\"store\",method=\"commit\"} 1",
    ] {
        assert!(metric(&page, line), "{line} in {}", page.text());
    }
    assert!(page.text().ends_with("# EOF\n"));
    let (id, company) = (path.rsplit('/').next().unwrap(), super::support::company(1).to_string());
    assert!(!page.text().contains(id) && !page.text().contains(&company), "no key and no company is a label");
}
