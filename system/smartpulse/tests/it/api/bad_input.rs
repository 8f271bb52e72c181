//! What is refused: each with its status, its code and the field, nothing stored, never a 500.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use super::client::Reply;
use super::support::{On, TestApp, company, forecast, unit, with, writer};

const JSON: &str = "application/json";

/// Refused with `VALIDATION_FAILED` naming exactly these fields.
fn bad_values() -> Vec<(Value, &'static str)> {
    let long = "x".repeat(65);
    let many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
    let cases = vec![
        (json!({"demand": "5"}), "demand"),
        (json!({"demand": true}), "demand"),
        (json!({"demand": [1]}), "demand"),
        (json!({"demand": {}}), "demand"),
        (json!({"demand": -0.001}), "demand"),
        (json!({"demand": 1e13}), "demand"),
        (json!({"demand": 1.7e308}), "demand"),
        (json!({"demand": u64::MAX}), "demand"),
        (json!({"supply": -1}), "supply"),
        (json!({"supply": "none"}), "supply"),
        (json!({"confidence": 1.0001}), "confidence"),
        (json!({"confidence": -0.1}), "confidence"),
        (json!({"confidence": "0.5"}), "confidence"),
        (json!({"companyId": 7}), "companyId"),
        (json!({"companyId": "7"}), "companyId"),
        (json!({"companyId": company(1).simple().to_string()}), "companyId"),
        (json!({"companyId": format!("{{{}}}", company(1))}), "companyId"),
        (json!({"companyId": format!("urn:uuid:{}", company(1))}), "companyId"),
        (json!({"productionUnitId": "g0000000-0000-4000-8000-000000000000"}), "productionUnitId"),
        (json!({"providerId": ""}), "providerId"),
        (json!({"forecastDate": 1_735_689_600}), "forecastDate"),
        (json!({"forecastDate": ""}), "forecastDate"),
        (json!({"forecastDate": "2025-02-30T00:00:00Z"}), "forecastDate"),
        (json!({"forecastDate": "2025-01-01T25:00:00Z"}), "forecastDate"),
        (json!({"forecastDate": "2025-01-01"}), "forecastDate"),
        (json!({"forecastDate": "2025-01-01T00:00:00"}), "forecastDate"),
        (json!({"forecastDate": "2025-01-01 00:00:00Z"}), "forecastDate"),
        (json!({"forecastDate": "2025-W01-1T00:00:00Z"}), "forecastDate"),
        (json!({"forecastDate": "2025-01-01T00:00:00Z[Europe/Berlin]"}), "forecastDate"),
        (json!({"forecastDate": "1899-12-31T23:59:59Z"}), "forecastDate"),
        (json!({"forecastDate": "1900-01-01T00:59:59+01:00"}), "forecastDate"),
        (json!({"forecastDate": "2201-01-01T00:00:00Z"}), "forecastDate"),
        (json!({"forecastDate": "-002025-01-01T00:00:00Z"}), "forecastDate"),
        (json!({"status": "completed"}), "status"),
        (json!({"status": 1}), "status"),
        (json!({"status": "Completed"}), "status"),
        (json!({"tags": "critical"}), "tags"),
        (json!({"tags": [1]}), "tags"),
        (json!({"tags": [""]}), "tags"),
        (json!({"tags": [long]}), "tags"),
        (json!({"tags": many}), "tags"),
        (json!({"tags": ["a", "b", "a"]}), "tags"),
        (json!({"tags": ["a\u{0}b"]}), "tags"),
        (json!({"colour": "red"}), "colour"),
        (json!({"Demand": 1}), "Demand"),
        (json!({"id": unit(1)}), "id"),
        (json!({"versionId": 7}), "versionId"),
        (json!({"confidenceLevel": 0.5}), "confidenceLevel"),
        (json!({"__proto__": {}}), "__proto__"),
    ];
    let required = ["companyId", "productionUnitId", "forecastDate", "demand", "confidence"];
    cases.into_iter().chain(required.map(|name| (json!({name: null}), name))).collect()
}

#[tokio::test]
async fn a_bad_value_is_named_and_nothing_is_stored() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        for (change, field) in bad_values() {
            let body = with(forecast(1, 1, 1), change);
            assert_eq!(app.post(&token, &body).await.fields(), [field], "{body}");
            let batch = app.batch(&token, &json!({"items": [body]})).await.json();
            assert_eq!((&batch["invalid"], &batch["results"][0]["details"][0]["field"]), (&json!(1), &json!(field)));
        }
        assert_eq!((app.stored().await, app.store.commits.get()), (0, 0), "{on:?}");
    }
}

#[tokio::test]
async fn a_required_value_may_not_be_null_either() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    for field in ["companyId", "productionUnitId", "forecastDate", "demand", "confidence"] {
        let mut body = forecast(1, 1, 1);
        body[field] = Value::Null;
        assert_eq!(app.post(&token, &body).await.fields(), [field]);
    }
    let mut edges = forecast(1, 1, 1);
    for (name, value) in [
        ("demand", json!(0)),
        ("demand", json!(1e12)),
        ("confidence", json!(0)),
        ("confidence", json!(1)),
        ("forecastDate", json!("1900-01-01T00:00:00Z")),
        ("forecastDate", json!("2200-12-31T23:59:59.999999Z")),
        ("tags", json!(["x".repeat(64)])),
        ("supply", Value::Null),
    ] {
        edges[name] = value;
        let path = app.create(&token, &edges).await;
        assert_eq!(app.delete(&token, &path).await.status, 204);
    }
}

/// Bodies that are no JSON, or of which two readers would read two things.
fn unreadable() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(5_000), close.repeat(5_000)).into_bytes();
    let mut all: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "null",
        "7",
        "\"text\"",
        "[]",
        "true",
        "{} {}",
        "{}x",
        "{'demand': 1}",
        "{demand: 1}",
        "{\"demand\": NaN}",
        "{\"demand\": Infinity}",
        "{\"demand\": -Infinity}",
        "{\"demand\": 1e999}",
        "{\"demand\": -1e999}",
        "{\"demand\": 01}",
        "{\"demand\": .5}",
        "{\"demand\": +1}",
        "{\"demand\": 0x10}",
        "{\"demand\": 1,}",
        "{\"demand\": 1, \"demand\": 1}",
        "{\"tags\": [{\"a\": 1, \"a\": 2}]}",
        "\u{feff}{}",
        "{\"status\": \"\\ud800\"}",
        "{\"status\": \"a\nb\"}",
        "/* c */ {}",
        "<forecast/>",
        "demand=1",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    all.extend([deep("[", "]"), deep("{\"a\":", "}"), b"{\"status\": \"\xff\xfe\"}".to_vec(), vec![0; 100]]);
    all
}

#[tokio::test]
async fn what_is_no_json_is_refused_on_every_write_route() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    for (method, target) in [("POST", "/api/forecasts"), ("POST", "/api/forecasts/batch"), ("PATCH", path.as_str())] {
        for body in unreadable() {
            let reply = app.ask(method, target).by(&token).text(JSON, body.clone()).send().await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            assert_eq!(reply.status, 400, "{target} {shown:?}");
            reply.problem(400, "INVALID_JSON");
        }
    }
    assert_eq!((app.stored().await, app.store.commits.get()), (1, 1));
}

#[tokio::test]
async fn only_json_is_taken() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let body = forecast(1, 1, 1).to_string();
    for kind in ["text/plain", "application/xml", "application/jsonx", "multipart/form-data", "", "json"] {
        let ask = app.ask("POST", "/api/forecasts").by(&token).text(kind, body.clone());
        ask.send().await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let none = app.ask("POST", "/api/forecasts").by(&token).body(body.clone()).send().await;
    none.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(app.stored().await, 0);
    for encoding in ["gzip", "br", "identity, gzip"] {
        let ask = app.ask("POST", "/api/forecasts").by(&token).with("content-encoding", encoding);
        ask.text(JSON, body.clone()).send().await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    assert_eq!(app.stored().await, 0);
    let charset = app.ask("POST", "/api/forecasts").by(&token).text("application/json; charset=utf-8", body);
    let charset = charset.with("content-encoding", "identity");
    assert_eq!(charset.send().await.status, 201);
}

/// A body of so many bytes in pieces, without `Content-Length`.
fn pieces(bytes: usize) -> Body {
    const PIECE: usize = 10_000;
    let sizes = (0..bytes).step_by(PIECE).map(move |at| PIECE.min(bytes - at));
    Body::from_stream(stream::iter(sizes.map(|size| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; size])))))
}

#[tokio::test]
async fn a_body_over_its_limit_is_refused_with_and_without_its_length() {
    const SINGLE: usize = 64 << 10;
    const BATCH: usize = 1 << 20;
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    let routes =
        [("POST", "/api/forecasts", SINGLE), ("PATCH", &path, SINGLE), ("POST", "/api/forecasts/batch", BATCH)];
    for (method, target, limit) in routes {
        let send = |body: Body| app.ask(method, target).by(&token).text(JSON, body).send();
        let too_large = |reply: &Reply| {
            reply.problem(413, "BODY_TOO_LARGE");
        };
        too_large(&send(Body::from(vec![b' '; limit + 1])).await);
        too_large(&send(pieces(limit + 1)).await);
        too_large(&send(pieces(20 * limit)).await);
        let announced = app.ask(method, target).by(&token).with("content-length", (limit + 1).to_string());
        too_large(&announced.text(JSON, Body::empty()).send().await);
        // At the limit it is read, and is no JSON.
        send(pieces(limit)).await.problem(400, "INVALID_JSON");
    }
    let mut body = forecast(1, 1, 2).to_string().into_bytes();
    body.resize(SINGLE, b' ');
    assert_eq!(app.ask("POST", "/api/forecasts").by(&token).text(JSON, body).send().await.status, 201);
    assert_eq!(app.stored().await, 2);
}

#[tokio::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let app = TestApp::memory().await;
    let parts = [Ok(Bytes::from(forecast(1, 1, 1).to_string())), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(stream::iter(parts));
    let reply = app.ask("POST", "/api/forecasts").by(&writer(1, &[1])).text(JSON, body).send().await;
    reply.problem(400, "INVALID_JSON");
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn ids_routes_and_methods_that_do_not_exist_are_told() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let simple = unit(1).simple().to_string();
    for id in ["7", "null", &simple, "00000000-0000-4000-8000-00000000000g", "%00", "%ff", "..%2f..%2fetc"] {
        let path = format!("/api/forecasts/{id}");
        for reply in [app.get(&token, &path).await, app.delete(&token, &path).await] {
            assert_eq!(reply.fields(), ["id"], "{id}");
        }
        assert_eq!(app.patch(&token, &path, &json!({})).await.fields(), ["id"], "{id}");
    }
    for path in ["/api", "/api/", "/api/forecast", "/api/forecasts/", "/nowhere", "/api/forecasts/a/b", "/metrics"] {
        app.get(&token, path).await.problem(404, "ROUTE_NOT_FOUND");
    }
    let id = format!("/api/forecasts/{}", unit(1));
    for (method, path, allowed) in [
        ("PUT", id.as_str(), "GET,HEAD,PATCH,DELETE"),
        ("POST", &id, "GET,HEAD,PATCH,DELETE"),
        ("DELETE", "/api/forecasts", "GET,HEAD,POST"),
        ("PUT", "/api/forecasts/batch", "POST"),
        ("POST", "/health/live", "GET,HEAD"),
        ("POST", "/openapi.json", "GET,HEAD"),
    ] {
        let reply = app.ask(method, path).by(&token).send().await;
        reply.problem(405, "METHOD_NOT_ALLOWED");
        let mut found: Vec<&str> = reply.header("allow").unwrap().split(',').map(str::trim).collect();
        let mut expected: Vec<&str> = allowed.split(',').collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{method} {path}");
    }
}
