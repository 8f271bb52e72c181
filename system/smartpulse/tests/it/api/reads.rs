//! One forecast through the tiers, and conditional requests.

use serde_json::json;

use super::client::Reply;
use super::support::{On, TestApp, after, forecast, reader, with, writer};

/// What every answer that shows a forecast says of its caching.
fn shows(reply: &Reply, level: &str, age_s: u64) {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.level(), level, "{reply:?}");
    assert_eq!(reply.header("age"), Some(age_s.to_string().as_str()), "{reply:?}");
    let hit = level != "L4";
    assert_eq!(reply.header("x-cache-hit"), hit.then_some("true"), "{reply:?}");
    let status =
        if hit { format!("SmartPulse; hit; detail={level}") } else { "SmartPulse; fwd=miss; detail=L4".into() };
    assert_eq!(reply.header("cache-status"), Some(status.as_str()));
    assert_eq!(reply.header("cache-control"), Some("max-age=60, public"));
    assert_eq!(reply.header("vary"), Some("Authorization, X-Min-Version"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-cache-stale"), None);
}

fn same_content(one: &Reply, other: &Reply) {
    assert_eq!(one.body, other.body);
    assert_eq!((one.etag(), one.header("x-version")), (other.etag(), other.header("x-version")));
}

#[tokio::test(start_paused = true)]
async fn a_read_goes_through_the_four_tiers_and_always_says_the_same() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &with(forecast(1, 1, 1), json!({"supply": 510.25}))).await;
    after(3).await;

    let from_store = app.get(&token, &path).await;
    shows(&from_store, "L4", 0);
    assert_eq!(from_store.header("x-version"), Some("1.1"));
    after(7).await;
    let from_l1 = app.get(&token, &path).await;
    shows(&from_l1, "L1", 7);

    after(53).await;
    let from_l2 = app.get(&token, &path).await;
    shows(&from_l2, "L2", 60);
    shows(&app.get(&token, &path).await, "L1", 60);

    app.drop_local(&path);
    after(5).await;
    let from_l3 = app.get(&token, &path).await;
    shows(&from_l3, "L3", 65);
    let other = app.beside().await;
    let from_other = other.get(&token, &path).await;
    shows(&from_other, "L3", 65);
    shows(&other.get(&token, &path).await, "L1", 65);

    for reply in [&from_l1, &from_l2, &from_l3, &from_other] {
        same_content(reply, &from_store);
    }
    assert_eq!(app.store.gets.get(), 1, "the store was read once");
    after(300).await;
    shows(&app.get(&token, &path).await, "L4", 0);
}

#[tokio::test]
async fn the_document_is_that_of_the_specification() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let body = with(forecast(1, 2, 3), json!({"demand": 450.5, "supply": 480.0, "confidence": 0.95}));
        let path = app.create(&token, &body).await;
        let document = app.get(&token, &path).await.json();
        let names: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
        let mut specified = [
            "id",
            "companyId",
            "productionUnitId",
            "forecastDate",
            "demand",
            "supply",
            "variance",
            "confidenceLevel",
            "status",
            "createdAt",
            "updatedAt",
            "versionId",
        ];
        specified.sort_unstable();
        assert_eq!(names, specified, "{on:?}");
        assert_eq!(document["forecastDate"], "2025-01-04T00:00:00Z");
        assert_eq!(
            json!([document["demand"], document["supply"], document["variance"], document["confidenceLevel"]]),
            json!([450.5, 480.0, 29.5, 0.95])
        );
        assert_eq!((&document["status"], &document["versionId"]), (&json!("Completed"), &json!(1)));
        assert_eq!(document["id"], path.rsplit('/').next().unwrap());
    }
}

#[tokio::test]
async fn who_has_this_version_gets_304_without_a_body() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &forecast(1, 1, 1)).await;
        let created = app.get(&token, &path).await;
        for (target, level) in [(path.clone(), "L1"), ("/api/forecasts?take=5".to_owned(), "L4")] {
            let etag = match level {
                "L1" => created.etag(),
                _ => app.get(&token, &target).await.etag(),
            };
            for given in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
                let reply = app.ask("GET", &target).by(&token).with("if-none-match", &given).send().await;
                assert_eq!(reply.status, 304, "{on:?} {target} {given}");
                assert!(reply.body.is_empty());
                assert_eq!((reply.header("content-type"), reply.etag()), (None, etag.clone()));
                assert_eq!((reply.level(), reply.header("x-cache-hit")), ("L1", Some("true")));
                assert!(reply.header("cache-status").is_some() && reply.header("age").is_some());
                assert_eq!(reply.header("cache-control"), Some("max-age=60, public"));
                assert_eq!(reply.header("vary"), Some("Authorization, X-Min-Version"));
            }
            let reply = app.ask("GET", &target).by(&token).with("if-none-match", "\"other\"").send().await;
            assert_eq!(reply.status, 200);
        }
        app.drop_local(&path);
        let reply = app.ask("GET", &path).by(&token).with("if-none-match", created.etag()).send().await;
        assert_eq!((reply.status.as_u16(), reply.level()), (304, "L3"), "a 304 says which tier it came from");
    }
}

#[tokio::test]
async fn after_a_write_the_old_tag_is_no_longer_current() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    let (old, old_list) = (app.get(&token, &path).await.etag(), app.get(&token, "/api/forecasts").await.etag());
    let patched = app.patch(&token, &path, &json!({"demand": 501.0})).await;
    for (target, etag) in [(path.as_str(), &old), ("/api/forecasts", &old_list)] {
        let reply = app.ask("GET", target).by(&token).with("if-none-match", etag).send().await;
        assert_eq!(reply.status, 200, "{target}");
        assert_ne!(&reply.etag(), etag);
    }
    let read = app.get(&token, &path).await;
    assert_eq!(read.etag(), patched.etag(), "a write answers the tag that the next read has");
    assert_eq!(read.header("x-version"), patched.header("x-version"));
    assert_eq!(read.json(), patched.json());
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    for target in [path.as_str(), "/api/forecasts"] {
        app.get(&token, target).await;
        let (get, head) = (app.get(&token, target).await, app.ask("HEAD", target).by(&token).send().await);
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        let told = |reply: &Reply| {
            let mut headers = reply.headers.clone();
            headers.remove("x-request-id");
            headers
        };
        assert_eq!(told(&head), told(&get), "{target}");
        let length = get.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
    }
}

#[tokio::test]
async fn a_tag_is_the_same_on_all_instances_and_another_in_another_incarnation() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &forecast(1, 1, 1)).await;
        let second = app.create(&token, &forecast(1, 1, 2)).await;
        let other = app.beside().await;
        let etag = app.get(&token, &path).await.etag();
        assert_eq!(other.get(&token, &path).await.etag(), etag, "{on:?}");
        assert_ne!(app.get(&token, &second).await.etag(), etag);

        let third = app.create(&token, &forecast(1, 1, 3)).await;
        app.ports.store.raise_incarnation(coherence::Incarnation(0)).await.unwrap();
        // Any read of the store shows the new life of the database: everything kept from the old one is gone.
        assert_eq!(app.get(&token, &third).await.header("x-version"), Some("2.1"));
        let read = app.get(&token, &path).await;
        assert_eq!((read.level(), read.header("x-version")), ("L4", Some("2.1")), "{on:?}");
        assert_ne!(read.etag(), etag);
    }
}

#[tokio::test(start_paused = true)]
async fn an_absence_is_remembered_briefly_and_ends_with_a_write() {
    let app = TestApp::memory().await;
    let token = reader(1, &[1]);
    let nowhere = format!("/api/forecasts/{}", super::support::unit(7));
    for _ in 0..3 {
        let problem = app.get(&token, &nowhere).await.problem(404, "FORECAST_NOT_FOUND");
        assert_eq!(problem["error"], "Forecast not found", "as specified");
    }
    assert_eq!((app.store.gets.get(), app.shared.fills.get()), (1, 0), "and never in the shared tier");
    after(6).await;
    app.get(&token, &nowhere).await.problem(404, "FORECAST_NOT_FOUND");
    assert_eq!(app.store.gets.get(), 2);
}

#[tokio::test]
async fn the_headers_follow_the_configuration() {
    let settings = [("http.max_age_s", "0"), ("http.cache_control_private", "true")];
    let app = TestApp::with(On::Memory, &settings).await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    for target in [path.as_str(), "/api/forecasts"] {
        assert_eq!(app.get(&token, target).await.header("cache-control"), Some("max-age=0, private"));
    }
}

#[tokio::test]
async fn a_least_version_tells_nothing_of_a_foreign_forecast() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let path = app.create(&writer(1, &[1]), &forecast(1, 1, 1)).await;
        let (owner, stranger) = (reader(1, &[1]), reader(2, &[2]));
        let nowhere = format!("/api/forecasts/{}", super::support::unit(7));
        let ask = async |token: &str, path: &str, least: &str| {
            app.ask("GET", path).by(token).with("x-min-version", least).send().await
        };
        for least in ["1.1", "1.999"] {
            let (foreign, absent) = (ask(&stranger, &path, least).await, ask(&stranger, &nowhere, least).await);
            let told = |reply: &Reply| {
                let mut headers = reply.headers.clone();
                headers.remove("x-request-id");
                (reply.problem(404, "FORECAST_NOT_FOUND"), headers)
            };
            assert_eq!(told(&foreign), told(&absent), "{on:?} {least}");
        }
        ask(&owner, &path, "1.999").await.problem(503, "VERSION_NOT_REACHED");
        assert_eq!(ask(&owner, &path, "1.1").await.status, 200);
    }
}
