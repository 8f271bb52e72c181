//! What fails: the store, the shared tier, the client.

use domain::ports::StoreError;
use serde_json::json;

use super::client::Reply;
use super::subscriber::Subscribers;
use super::support::{On, TestApp, after, forecast, writer};

fn unavailable(reply: &Reply) {
    reply.problem(503, "UNAVAILABLE");
    assert_eq!(reply.header("retry-after"), Some("1"), "{reply:?}");
}

#[tokio::test]
async fn a_store_that_fails_is_503_on_every_route() {
    let app = TestApp::with(On::Memory, &[("cache.max_stale_s", "0")]).await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    for error in [StoreError::Unavailable(None), StoreError::Timeout, StoreError::Full("bus".to_owned())] {
        app.store.fail(error);
        let batch = json!({"items": [forecast(1, 1, 2)]});
        unavailable(&app.post(&token, &forecast(1, 1, 2)).await);
        unavailable(&app.batch(&token, &batch).await);
        unavailable(&app.patch(&token, &path, &json!({"demand": 1.0})).await);
        unavailable(&app.delete(&token, &path).await);
        app.store.heal();
    }
    app.store.fail(StoreError::Unavailable(None));
    unavailable(&app.get(&token, &path).await);
    unavailable(&app.get(&token, "/api/forecasts").await);
    app.store.heal();
    assert_eq!(app.get(&token, &path).await.level(), "L4", "a failure is not remembered");
    app.store.fail(StoreError::Unavailable(None));
    assert_eq!(app.get(&token, &path).await.level(), "L1", "a hit needs no store");
    app.drop_local(&path);
    assert_eq!(app.get(&token, &path).await.level(), "L3");
    app.store.heal();
    assert_eq!(app.stored().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_marked_and_ends() {
    let settings = [("cache.max_stale_s", "100"), ("shared.ttl_s", "60"), ("cache.l2_ttl_s", "60")];
    let app = TestApp::with(On::Memory, &settings).await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    let targets = [path.as_str(), "/api/forecasts"];
    let mut good = Vec::new();
    for target in targets {
        good.push(app.get(&token, target).await);
    }
    app.store.fail(StoreError::Unavailable(None));
    for (target, good) in targets.iter().zip(&good) {
        let fresh = app.get(&token, target).await;
        assert_eq!((fresh.level(), fresh.header("x-cache-stale")), ("L1", None), "{target}");
        assert_eq!(fresh.body, good.body);
    }
    after(61).await;
    for (target, good) in targets.iter().zip(&good) {
        let stale = app.get(&token, target).await;
        assert_eq!((stale.status.as_u16(), &stale.body), (200, &good.body), "{target}");
        assert_eq!((stale.etag(), stale.header("age")), (good.etag(), Some("61")));
        assert_eq!((stale.header("x-cache-stale"), stale.header("cache-control")), (Some("true"), Some("no-store")));
        let unchanged = app.ask("GET", target).by(&token).with("if-none-match", good.etag()).send().await;
        assert_eq!((unchanged.status.as_u16(), unchanged.header("x-cache-stale")), (304, Some("true")));
        assert_eq!(unchanged.header("cache-control"), Some("no-store"));
    }
    after(100).await;
    for target in targets {
        unavailable(&app.get(&token, target).await);
    }
    app.store.heal();
    for target in targets {
        let reply = app.get(&token, target).await;
        assert_eq!((reply.level(), reply.header("x-cache-stale")), ("L4", None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_gives_way_to_a_stale_answer() {
    let settings = [("shared.ttl_s", "60"), ("cache.l2_ttl_s", "60")];
    let app = TestApp::with(On::Memory, &settings).await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    let good = app.get(&token, &path).await;
    after(61).await;
    app.store.get_gate.close();
    let before = tokio::time::Instant::now();
    let stale = app.get(&token, &path).await;
    assert_eq!((stale.header("x-cache-stale"), &stale.body), (Some("true"), &good.body));
    assert_eq!(before.elapsed().as_millis(), 200, "cache.soft_timeout_ms");
    app.store.get_gate.open();
    tokio::task::yield_now().await;
    let fresh = app.get(&token, &path).await;
    assert_eq!((fresh.header("x-cache-stale"), fresh.header("age")), (None, Some("0")), "the fill went on");
    assert_eq!(app.store.gets.get(), 2);
}

#[tokio::test]
async fn an_own_write_is_never_answered_with_what_was_before_it() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    app.get(&token, &path).await;
    app.get(&token, "/api/forecasts").await;
    app.patch(&token, &path, &json!({"demand": 1.0})).await;
    // The store is gone right after: rather nothing than the old.
    app.store.fail(StoreError::Unavailable(None));
    unavailable(&app.get(&token, &path).await);
    unavailable(&app.get(&token, "/api/forecasts").await);
}

#[tokio::test]
async fn without_the_shared_tier_everything_works() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let first = app.create(&token, &forecast(1, 1, 1)).await;
    app.get(&token, &first).await;
    app.shared.fail();
    let path = app.create(&token, &forecast(1, 1, 2)).await;
    assert_eq!(app.get(&token, &path).await.level(), "L4");
    assert_eq!(app.get(&token, &path).await.level(), "L1");
    for target in [&first, &path] {
        app.get(&token, target).await;
        assert_eq!(app.patch(&token, target, &json!({"demand": 3.0})).await.status, 200);
        assert_eq!(app.get(&token, target).await.json()["demand"], 3.0);
    }
    let batch = app.batch(&token, &json!({"items": [forecast(1, 1, 2), forecast(1, 1, 3)]})).await.json();
    assert_eq!((&batch["updated"], &batch["created"]), (&json!(1), &json!(1)));
    assert_eq!(app.get(&token, &path).await.json()["demand"], 500.0);
    assert_eq!(app.delete(&token, &path).await.status, 204);
    app.get(&token, &path).await.problem(404, "FORECAST_NOT_FOUND");
    assert_eq!(app.get(&token, "/api/forecasts").await.json()["total"], 2);
}

#[tokio::test]
async fn an_internal_error_shows_its_request_id_and_nothing_else() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    app.store.fail(StoreError::Corrupt("row 7 of table hunter2".to_owned()));
    for ask in [
        app.ask("GET", &path),
        app.ask("GET", "/api/forecasts"),
        app.ask("POST", "/api/forecasts").json(&forecast(1, 1, 2)),
        app.ask("POST", "/api/forecasts/batch").json(&json!({"items": [forecast(1, 1, 2)]})),
        app.ask("PATCH", &path).json(&json!({"demand": 1.0})),
        app.ask("DELETE", &path),
    ] {
        let reply = ask.by(&token).with("x-request-id", "mine-7").send().await;
        assert_eq!(
            reply.problem(500, "INTERNAL"),
            json!({"type": "urn:smartpulse:problem:INTERNAL", "title": "Internal error", "status": 500,
                   "error": "Internal error", "code": "INTERNAL", "requestId": "mine-7"})
        );
        assert!(!format!("{reply:?}").contains("hunter2"));
    }
}

/// Without detached writes, the future that the client drops takes the invalidation with it.
#[tokio::test]
async fn a_client_that_hangs_up_right_after_the_commit_skips_nothing() {
    for on in On::BOTH {
        for hang_up_after_commit in [true, false] {
            let app = TestApp::on(on).await;
            let mut topics = Subscribers::of(&app).await;
            let token = writer(1, &[1]);
            let path = app.create(&token, &forecast(1, 1, 1)).await;
            assert_eq!(topics.counts(&app).await, [0, 1, 0]);
            app.get(&token, &path).await;
            app.get(&token, "/api/forecasts").await;
            assert_eq!(app.get(&token, &path).await.level(), "L1");

            let gate = if hang_up_after_commit { &app.store.after_commit } else { &app.store.before_commit };
            gate.close();
            let body = json!({"demand": 7.0});
            let request = app.patch(&token, &path, &body);
            tokio::select! {
                biased;
                reply = request => panic!("answered: {reply:?}"),
                () = gate.reached_by(1) => {}
            }
            // The request's future is dropped here, which is what a closed connection does.
            gate.open();
            app.app.service().drain().await;

            let read = app.get(&token, &path).await;
            assert_eq!((read.json()["demand"].as_f64(), read.header("x-version")), (Some(7.0), Some("1.2")), "{on:?}");
            assert_eq!(app.get(&token, "/api/forecasts").await.json()["items"][0]["demand"], 7.0);
            assert_eq!(topics.counts(&app).await, [1, 1, 0], "{on:?}: the events are there, once");
        }
    }
}

#[tokio::test]
async fn a_reader_that_hangs_up_takes_nobody_elses_answer_away() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    app.store.get_gate.close();
    tokio::select! {
        biased;
        reply = app.get(&token, &path) => panic!("answered: {reply:?}"),
        () = app.store.get_gate.reached_by(1) => {}
    }
    let second = app.get(&token, &path);
    let open = async {
        tokio::task::yield_now().await;
        app.store.get_gate.open();
    };
    assert_eq!(tokio::join!(second, open).0.status, 200);
    assert_eq!(app.store.gets.get(), 1, "the fill of the one who left served the other");
}

#[tokio::test]
async fn a_minimum_version_is_reached_or_refused() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let other = app.beside().await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &forecast(1, 1, 1)).await;
        app.get(&token, &path).await;
        let written = other.patch(&token, &path, &json!({"demand": 9.0})).await;
        let least = written.header("x-version").unwrap().to_owned();
        let ask = |least: &str| app.ask("GET", &path).by(&token).with("x-min-version", least).send();
        assert_eq!(ask("1.1").await.level(), "L1", "what is cached suffices");
        let reply = ask(&least).await;
        assert_eq!((reply.json()["demand"].as_f64(), reply.header("x-version")), (Some(9.0), Some("1.2")), "{on:?}");
        assert_eq!(ask(&least).await.level(), "L1");
        let refused = ask("1.3").await;
        refused.problem(503, "VERSION_NOT_REACHED");
        assert_eq!(refused.header("retry-after"), Some("1"));
        for bad in ["", "1", "x", "1.2.3", "+1.2", "W/1.2"] {
            assert_eq!(ask(bad).await.fields(), ["X-Min-Version"], "{bad}");
        }
        let list = app.ask("GET", "/api/forecasts").by(&token).with("x-min-version", &least).send().await;
        assert_eq!(list.fields(), ["X-Min-Version"], "a list has no version");
    }
}
