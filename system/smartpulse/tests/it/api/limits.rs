//! Limits of rate, number and time; and who may call from a browser.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;

use super::client::Reply;
use super::subscriber::Subscribers;
use super::support::{On, TestApp, after, forecast, reader, writer};

#[tokio::test(start_paused = true)]
async fn each_subject_has_its_own_rate() {
    let app = TestApp::with(On::Memory, &[("limits.rate_per_s", "1"), ("limits.burst", "3")]).await;
    let (busy, other) = (reader(1, &[1]), reader(2, &[1]));
    for _ in 0..3 {
        assert_eq!(app.get(&busy, "/api/forecasts").await.status, 200);
    }
    let refused = app.get(&busy, "/api/forecasts").await;
    refused.problem(429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let another_token = writer(1, &[1, 2]);
    app.post(&another_token, &forecast(1, 1, 1)).await.problem(429, "RATE_LIMITED");
    assert_eq!(app.get(&other, "/api/forecasts").await.status, 200, "another subject");
    assert_eq!(app.ask("GET", "/health/live").send().await.status, 200, "health has no subject");
    after(1).await;
    assert_eq!(app.get(&busy, "/api/forecasts").await.status, 200, "as Retry-After said");
    app.get(&busy, "/api/forecasts").await.problem(429, "RATE_LIMITED");
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn what_comes_over_the_cap_is_refused_and_health_is_not_counted() {
    let app = TestApp::with(On::Memory, &[("http.max_concurrent_requests", "2")]).await;
    let token = writer(1, &[1]);
    let paths = [app.create(&token, &forecast(1, 1, 1)).await, app.create(&token, &forecast(1, 1, 2)).await];
    app.store.get_gate.close();
    let held = async { tokio::join!(app.get(&token, &paths[0]), app.get(&token, &paths[1])) };
    let meanwhile = async {
        app.store.get_gate.reached_by(2).await;
        for path in ["/api/forecasts", "/nowhere"] {
            let refused = app.get(&token, path).await;
            refused.problem(503, "OVERLOADED");
            assert_eq!(refused.header("retry-after"), Some("1"));
        }
        // A full instance is alive, and must say so, and what it does.
        assert_eq!(app.ask("GET", "/health/live").send().await.status, 200);
        assert_eq!(app.ask("GET", "/health/ready").send().await.json()["status"], "starting");
        assert_eq!(app.inside("/health/live").await.status, 200);
        assert!(app.inside("/metrics").await.text().contains("smartpulse_http_requests_running 3"));
        app.store.get_gate.open();
    };
    let ((one, two), ()) = tokio::join!(held, meanwhile);
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    assert_eq!(app.get(&token, "/api/forecasts").await.status, 200, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_takes_too_long_is_finished_all_the_same() {
    let settings = [("http.request_timeout_ms", "3000"), ("store.timeout_ms", "60000")];
    let app = TestApp::with(On::Memory, &settings).await;
    let mut topics = Subscribers::of(&app).await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    app.get(&token, &path).await;
    app.get(&token, "/api/forecasts").await;

    app.store.before_commit.close();
    let before = tokio::time::Instant::now();
    for reply in [
        app.post(&token, &forecast(1, 1, 2)).await,
        app.patch(&token, &path, &json!({"demand": 7.0})).await,
        app.batch(&token, &json!({"items": [forecast(1, 1, 3)]})).await,
    ] {
        reply.problem(504, "TIMEOUT");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    assert_eq!(before.elapsed(), Duration::from_secs(9));
    assert_eq!(app.get(&token, &path).await.json()["demand"], 500.0, "not yet");
    app.store.before_commit.open();
    app.app.service().drain().await;

    assert_eq!(app.get(&token, &path).await.json()["demand"], 7.0);
    assert_eq!(app.get(&token, "/api/forecasts").await.json()["total"], 3);
    assert_eq!(topics.counts(&app).await, [1, 4, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_given_up() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    app.store.get_gate.close();
    app.store.list_gate.close();
    for target in [path.as_str(), "/api/forecasts"] {
        let before = tokio::time::Instant::now();
        let reply = app.get(&token, target).await;
        reply.problem(503, "UNAVAILABLE");
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(before.elapsed(), Duration::from_secs(2), "cache.hard_timeout_ms");
    }
    app.store.get_gate.open();
    app.store.list_gate.open();
    assert_eq!(app.get(&token, &path).await.level(), "L4");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_too_slowly_is_not_awaited() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    let trickle = || {
        let parts = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        Body::from_stream(parts)
    };
    let never = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    for (method, target) in [("POST", "/api/forecasts"), ("POST", "/api/forecasts/batch"), ("PATCH", path.as_str())] {
        for body in [trickle(), never()] {
            let before = tokio::time::Instant::now();
            let ask = app.ask(method, target).by(&token).text("application/json", body);
            ask.send().await.problem(408, "REQUEST_TIMEOUT");
            assert_eq!(before.elapsed(), Duration::from_secs(10), "http.body_timeout_ms");
        }
    }
    assert_eq!(app.stored().await, 1);
}

const ORIGIN: &str = "https://app.example.org";

fn cors_headers(reply: &Reply) -> usize {
    reply.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).count()
}

#[tokio::test]
async fn no_browser_page_may_call_unless_its_origin_is_configured() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let reply = app.ask("GET", "/api/forecasts").by(&token).with("origin", ORIGIN).send().await;
    assert_eq!((reply.status.as_u16(), cors_headers(&reply)), (200, 0));
    let preflight = app.ask("OPTIONS", "/api/forecasts").with("origin", ORIGIN);
    let reply = preflight.with("access-control-request-method", "POST").send().await;
    assert_eq!((reply.status.as_u16(), cors_headers(&reply)), (405, 0));
}

#[tokio::test]
async fn a_configured_origin_may_call_and_another_may_not() {
    let app = TestApp::with(On::Memory, &[("http.cors_origins", ORIGIN)]).await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    for _ in 0..2 {
        // Also from a cached answer, and to the one after the other.
        let ask = |origin: &str| app.ask("GET", &path).by(&token).with("origin", origin).send();
        let reply = ask(ORIGIN).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN));
        let shown = reply.header("access-control-expose-headers").unwrap().to_owned();
        for name in ["etag", "x-version", "x-cache-level", "x-cache-hit", "retry-after", "location"] {
            assert!(shown.split(',').any(|one| one.trim() == name), "{name} in {shown}");
        }
        let other = ask("https://evil.example.org").await;
        assert_eq!(other.header("access-control-allow-origin"), None);
        let vary: Vec<&str> = reply.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        let vary = vary.join(", ").to_lowercase();
        assert!(vary.contains("origin") && vary.contains("authorization"), "{vary}");
    }
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        let preflight = |origin: &str| {
            app.ask("OPTIONS", &path)
                .with("origin", origin)
                .with("access-control-request-method", method)
                .with(
                    "access-control-request-headers",
                    "authorization,content-type,if-match,idempotency-key,x-request-id,traceparent",
                )
                .send()
        };
        let reply = preflight(ORIGIN).await;
        assert_eq!(reply.status, 200, "a preflight has no token");
        assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN));
        assert!(reply.header("access-control-allow-methods").unwrap().contains(method));
        for name in ["authorization", "content-type", "if-match", "idempotency-key", "x-request-id", "traceparent"] {
            assert!(reply.header("access-control-allow-headers").unwrap().contains(name));
        }
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        assert_eq!(preflight("https://evil.example.org").await.header("access-control-allow-origin"), None);
    }
    app.store.fail(domain::ports::StoreError::Unavailable(None));
    let failed = app.ask("GET", "/api/forecasts").by(&token).with("origin", ORIGIN).send().await;
    assert_eq!(failed.header("access-control-allow-origin"), Some(ORIGIN), "a page can read an error too");
    failed.problem(503, "UNAVAILABLE");
}
