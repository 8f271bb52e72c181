//! POST, PATCH and DELETE of one forecast.

use serde_json::{Value, json};

use super::client::Reply;
use super::subscriber::Subscribers;
use super::support::{On, TestApp, company, forecast, reader, unit, with, writer};

#[tokio::test]
async fn post_answers_the_document_and_where_it_is() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let reply = app.post(&token, &forecast(1, 1, 1)).await;
        assert_eq!(reply.status, 201);
        let document = reply.json();
        let path = format!("/api/forecasts/{}", document["id"].as_str().unwrap());
        assert_eq!(reply.header("location"), Some(path.as_str()));
        assert_eq!(reply.header("x-version"), Some("1.1"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        // Without a supply there is nothing to compare, and the forecast is pending (ruling 8).
        assert_eq!((&document["supply"], &document["variance"]), (&Value::Null, &Value::Null));
        assert_eq!((document["status"].as_str(), document["confidenceLevel"].as_f64()), (Some("Pending"), Some(0.92)));
        assert_eq!(document["createdAt"], document["updatedAt"]);

        let read = app.get(&token, &path).await;
        assert_eq!((read.json(), read.etag()), (document, reply.etag()), "{on:?}");
        let list = app.get(&token, "/api/forecasts").await;
        assert_eq!(list.json()["items"][0], read.json());
    }
}

#[tokio::test]
async fn all_that_can_be_said_of_a_forecast_is_kept() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let full = with(
            forecast(1, 1, 1),
            json!({"providerId": unit(5), "supply": 0.1, "demand": 0.3, "status": "Failed", "confidence": 0,
                   "forecastDate": "2200-12-31T23:59:59.123456789+02:00", "tags": ["critical", "späť 💡"]}),
        );
        let path = app.create(&token, &full).await;
        let document = app.get(&token, &path).await.json();
        assert_eq!(document["providerId"], unit(5).to_string());
        assert_eq!(document["forecastDate"], "2200-12-31T21:59:59.123456Z", "UTC, to the microsecond");
        assert_eq!(document["variance"], -0.2, "rounded, not -0.19999999999999998");
        assert_eq!((&document["status"], &document["tags"]), (&json!("Failed"), &full["tags"]), "{on:?}");
    }
}

#[tokio::test]
async fn what_exists_is_409_and_says_where() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let (token, body) = (writer(1, &[1]), forecast(1, 1, 1));
        let path = app.create(&token, &body).await;
        let other_words = with(body.clone(), json!({"demand": 1.0, "forecastDate": "2025-01-02T02:00:00+02:00"}));
        for again in [&body, &other_words] {
            let reply = app.post(&token, again).await;
            reply.problem(409, "FORECAST_EXISTS");
            assert_eq!(reply.header("location"), Some(path.as_str()), "{on:?}");
        }
        // Another provider's forecast of the same unit and day is another forecast.
        let by_provider = app.create(&token, &with(body.clone(), json!({"providerId": unit(5)}))).await;
        let taken = app.patch(&token, &by_provider, &json!({"providerId": null})).await;
        taken.problem(409, "FORECAST_EXISTS");
        assert_eq!(taken.header("location"), Some(path.as_str()), "{on:?}");
        // Once it is deleted, its place is free.
        assert_eq!(app.delete(&token, &path).await.status, 204);
        assert_ne!(app.create(&token, &body).await, path);
        assert_eq!(app.stored().await, 2);
    }
}

#[tokio::test]
async fn patch_changes_what_it_names_and_nothing_else() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let body = with(forecast(1, 1, 1), json!({"supply": 480.0, "tags": ["a"], "providerId": unit(5)}));
        let path = app.create(&token, &body).await;
        let mut expected = app.get(&token, &path).await.json();
        let steps = [
            (json!({"demand": 470.0}), json!({"demand": 470.0, "variance": 10.0})),
            (json!({"supply": null}), json!({"supply": null, "variance": null, "status": "Pending"})),
            (json!({"supply": 475}), json!({"supply": 475.0, "variance": 5.0, "status": "Completed"})),
            (json!({"status": "Failed"}), json!({"status": "Failed"})),
            (json!({"confidence": 0.5}), json!({"confidenceLevel": 0.5})),
            (json!({"tags": ["b", "c"]}), json!({"tags": ["b", "c"]})),
            (json!({"productionUnitId": unit(2)}), json!({"productionUnitId": unit(2)})),
            (json!({"forecastDate": "2025-02-01T01:00:00+01:00"}), json!({"forecastDate": "2025-02-01T00:00:00Z"})),
        ];
        for (n, (patch, change)) in steps.into_iter().enumerate() {
            let reply = app.patch(&token, &path, &patch).await;
            assert_eq!(reply.status, 200, "{patch}: {reply:?}");
            let document = reply.json();
            for (name, value) in change.as_object().unwrap() {
                expected[name] = value.clone();
            }
            expected["versionId"] = json!(n + 2);
            expected["updatedAt"] = document["updatedAt"].clone();
            assert_eq!(document, expected, "{on:?} {patch}");
            assert_eq!(reply.header("x-version"), Some(format!("1.{}", n + 2).as_str()));
            // Own writes are visible at once, in the entity and in lists.
            assert_eq!(app.get(&token, &path).await.json(), expected);
            assert_eq!(app.get(&token, "/api/forecasts").await.json()["items"][0], expected);
        }
        let removed = app.patch(&token, &path, &json!({"tags": null, "providerId": null})).await.json();
        assert!(removed.get("tags").is_none() && removed.get("providerId").is_none(), "{removed}");
    }
}

#[tokio::test]
async fn patch_names_what_it_refuses() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &with(forecast(1, 1, 1), json!({"supply": 1.0}))).await;
    let before = app.get(&token, &path).await;
    for (patch, field) in [
        (json!({"companyId": company(1)}), "companyId"),
        (json!({"id": unit(1)}), "id"),
        (json!({"versionId": 5}), "versionId"),
        (json!({"createdAt": "2025-01-01T00:00:00Z"}), "createdAt"),
        (json!({"updatedAt": null}), "updatedAt"),
        (json!({"variance": 1}), "variance"),
        (json!({"confidenceLevel": 0.5}), "confidenceLevel"),
        (json!({"colour": "red"}), "colour"),
        (json!({"demand": null}), "demand"),
        (json!({"confidence": null}), "confidence"),
        (json!({"status": null}), "status"),
        (json!({"forecastDate": null}), "forecastDate"),
        (json!({"productionUnitId": null}), "productionUnitId"),
        (json!({"supply": null, "status": "Completed"}), "status"),
    ] {
        assert_eq!(app.patch(&token, &path, &patch).await.fields(), [field], "{patch}");
    }
    let many = app.patch(&token, &path, &json!({"demand": -1, "supply": "x", "a": 1})).await.fields();
    assert_eq!(many, ["demand", "supply", "a"], "all that is wrong at once");
    app.patch(&token, &path, &json!([])).await.problem(400, "INVALID_JSON");
    assert_eq!(app.get(&token, &path).await.etag(), before.etag(), "nothing was written");
    assert_eq!(app.store.commits.get(), 1);
}

#[tokio::test]
async fn if_match_changes_only_the_version_that_it_names() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &forecast(1, 1, 1)).await;
        let patch = |etag: String, demand: f64| {
            app.ask("PATCH", &path).by(&token).with("if-match", etag).json(&json!({"demand": demand})).send()
        };
        let first = app.get(&token, &path).await.etag();
        let second = patch(first.clone(), 1.0).await;
        assert_eq!(second.status, 200, "{on:?}");
        for old in [first.clone(), "\"other\"".to_owned(), format!("W/{}", second.etag())] {
            let refused = patch(old, 2.0).await;
            refused.problem(412, "PRECONDITION_FAILED");
            assert_eq!(refused.etag(), second.etag(), "it says which version there is");
        }
        let refused = app.ask("DELETE", &path).by(&token).with("if-match", &first).send().await;
        refused.problem(412, "PRECONDITION_FAILED");
        assert_eq!(refused.etag(), second.etag());
        assert_eq!(patch(format!("{first}, {}", second.etag()), 3.0).await.status, 200);
        assert_eq!(patch("*".to_owned(), 4.0).await.status, 200);
        assert_eq!(patch("abc".to_owned(), 5.0).await.fields(), ["If-Match"]);
        let last = app.get(&token, &path).await;
        assert_eq!((last.json()["demand"].as_f64(), last.header("x-version")), (Some(4.0), Some("1.4")));
        assert_eq!(app.ask("DELETE", &path).by(&token).with("if-match", last.etag()).send().await.status, 204);
        patch("*".to_owned(), 6.0).await.problem(404, "FORECAST_NOT_FOUND");
    }
}

#[tokio::test]
async fn if_match_looks_at_the_store_and_not_at_a_cache() {
    let app = TestApp::memory().await;
    let other = app.beside().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    let old = app.get(&token, &path).await.etag();
    let newer = other.patch(&token, &path, &json!({"demand": 2.0})).await;
    let refused = app.ask("PATCH", &path).by(&token).with("if-match", old).json(&json!({"demand": 3.0})).send().await;
    refused.problem(412, "PRECONDITION_FAILED");
    assert_eq!(refused.etag(), newer.etag());
}

#[tokio::test]
async fn delete_leaves_nothing_behind() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &forecast(1, 1, 1)).await;
        app.get(&token, &path).await;
        app.get(&token, "/api/forecasts").await;
        let reply = app.delete(&token, &path).await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (204, 0));
        assert_eq!((reply.header("x-version"), reply.header("content-type")), (Some("1.2"), None));
        app.get(&token, &path).await.problem(404, "FORECAST_NOT_FOUND");
        app.delete(&token, &path).await.problem(404, "FORECAST_NOT_FOUND");
        app.patch(&token, &path, &json!({"demand": 1.0})).await.problem(404, "FORECAST_NOT_FOUND");
        assert_eq!(app.get(&token, "/api/forecasts").await.json()["total"], 0, "{on:?}");
        let other = app.beside().await;
        other.get(&token, &path).await.problem(404, "FORECAST_NOT_FOUND");
        assert_eq!(app.stored().await, 0);
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_writes_nothing() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let mut topics = Subscribers::of(&app).await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &with(forecast(1, 1, 1), json!({"supply": 1.0}))).await;
        let before = app.get(&token, &path).await;
        assert_eq!(topics.counts(&app).await, [0, 1, 1]);
        for patch in [json!({}), json!({"demand": 500}), json!({"supply": 1.0, "status": "Completed", "tags": []})] {
            let reply = app.patch(&token, &path, &patch).await;
            assert_eq!((reply.status.as_u16(), reply.json()), (200, before.json()), "{on:?} {patch}");
            assert_eq!((reply.etag(), reply.header("x-version")), (before.etag(), Some("1.1")));
        }
        assert_eq!(topics.counts(&app).await, [0, 0, 0], "no event either");
        assert_eq!(app.store.commits.get(), 1);
        assert_eq!(app.get(&token, &path).await.level(), "L1", "and nothing was evicted");
    }
}

#[tokio::test]
async fn who_may_not_write_writes_nothing() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let (owner, other, looker) = (writer(1, &[1]), writer(2, &[2]), reader(3, &[1]));
        let path = app.create(&owner, &forecast(1, 1, 1)).await;
        let same: fn(&Reply, &Reply) = |one, other| assert_eq!(one.body, other.body);
        let nowhere = format!("/api/forecasts/{}", unit(9));
        same(&app.patch(&other, &path, &json!({"demand": 1})).await, &app.patch(&other, &nowhere, &json!({})).await);
        same(&app.delete(&other, &path).await, &app.delete(&other, &nowhere).await);
        app.patch(&other, &path, &json!({"demand": 1})).await.problem(404, "FORECAST_NOT_FOUND");
        app.delete(&other, &path).await.problem(404, "FORECAST_NOT_FOUND");
        app.post(&other, &forecast(1, 1, 2)).await.problem(403, "FORBIDDEN");

        app.post(&looker, &forecast(1, 1, 2)).await.problem(403, "FORBIDDEN");
        app.batch(&looker, &json!({"items": []})).await.problem(403, "FORBIDDEN");
        app.patch(&looker, &path, &json!({"demand": 1})).await.problem(403, "FORBIDDEN");
        app.delete(&looker, &path).await.problem(403, "FORBIDDEN");
        // The role comes first: what a caller may not send is not looked at.
        for (method, target) in [("POST", "/api/forecasts"), ("POST", "/api/forecasts/batch"), ("PATCH", &path)] {
            let reply = app.ask(method, target).by(&looker).text("application/json", "{").send().await;
            reply.problem(403, "FORBIDDEN");
        }
        assert_eq!((app.store.commits.get(), app.stored().await), (1, 1), "{on:?}");
        assert_eq!(app.get(&owner, &path).await.header("x-version"), Some("1.1"));
    }
}

#[tokio::test]
async fn writers_at_the_same_time_lose_no_update() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let other = app.beside().await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &forecast(1, 1, 1)).await;
        let fields = ["demand", "supply", "confidence"];
        let patches = (0..3).map(|n| {
            let (app, body) = (if n % 2 == 0 { &app } else { &other }, json!({fields[n]: 0.5}));
            let (token, path) = (token.clone(), path.clone());
            async move { app.patch(&token, &path, &body).await }
        });
        for reply in futures_util::future::join_all(patches).await {
            assert_eq!(reply.status, 200, "{reply:?}");
        }
        let fresh = app.beside().await.get(&token, &path).await;
        let shown = fresh.json();
        assert_eq!(fresh.header("x-version"), Some("1.4"), "{on:?}");
        assert_eq!([&shown["demand"], &shown["supply"], &shown["confidenceLevel"]], [&json!(0.5); 3]);
    }
}
