//! The API description: complete, true, and the same as its snapshot. (That every answer of every other test fits it,
//! `contract` sees to.)

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Map, Value, json};

use super::contract::Contract;
use super::support::{TestApp, forecast, unit, with, writer};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi.json");

#[test]
fn the_description_is_that_of_the_snapshot() {
    let current = serde_json::to_string_pretty(&Contract::current().0).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(SNAPSHOT, &current).unwrap();
    }
    let snapshot = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    assert!(
        snapshot == current,
        "the API changed: BLESS=1 cargo test -p smartpulse openapi, and look at the difference"
    );
}

#[tokio::test]
async fn what_is_served_is_the_description() {
    let app = TestApp::memory().await;
    let reply = app.ask("GET", "/openapi.json").send().await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.json(), Contract::current().0);
    assert!(reply.json()["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(reply.json()["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

/// Asks for every method on every path: what the router has is described, and what is described the router has.
#[tokio::test]
async fn every_route_is_described_and_the_reverse() {
    let app = TestApp::memory().await;
    let described = app.contract.0["paths"].as_object().unwrap();
    let templates: BTreeSet<&str> = described.keys().map(String::as_str).collect();
    assert_eq!(
        templates,
        BTreeSet::from([
            "/api/forecasts",
            "/api/forecasts/batch",
            "/api/forecasts/changes",
            "/api/forecasts/{id}",
            "/api/stream-ticket",
        ])
    );
    for template in templates {
        let path = template.replace("{id}", &unit(1).to_string());
        let refused = app.ask("TRACE", &path).send().await;
        refused.problem(405, "METHOD_NOT_ALLOWED");
        let allowed: BTreeSet<String> =
            refused.header("allow").unwrap().split(',').map(|name| name.trim().to_lowercase()).collect();
        let named: BTreeSet<String> = described[template].as_object().unwrap().keys().cloned().collect();
        let get_head =
            |names: &BTreeSet<String>| names.iter().filter(|name| *name != "head").cloned().collect::<Vec<_>>();
        assert_eq!(get_head(&allowed), get_head(&named), "{template}");
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
            let reply = app.ask(method, &path).send().await;
            let known = named.contains(&method.to_lowercase());
            assert_eq!(reply.status.as_u16(), if known { 401 } else { 405 }, "{method} {path}");
        }
    }
    // The routes outside the description, and none beside: what else would be there, the metrics of requests would name.
    let page = app.inside("/metrics").await.text();
    let mut routes: BTreeSet<&str> =
        page.lines().filter_map(|line| line.split("route=\"").nth(1)?.split('"').next()).collect();
    let pages = ["/", "/docs", "/openapi.json", "/forecasts/{id}", "/notifications"];
    for plain in pages.into_iter().chain(["/health/live", "/health/ready", "/metrics", "unmatched"]) {
        assert!(routes.remove(plain), "{plain}");
    }
    for path in smartpulse::http::admin::PATHS {
        assert!(routes.remove(path), "{path}");
    }
    let beside = smartpulse::app::notification_description().paths.paths;
    routes.retain(|route| !beside.contains_key(*route) || app.contract.0["paths"].get(*route).is_some());
    assert_eq!(routes.len(), 5, "{routes:?}");
}

#[test]
fn every_operation_is_told_in_full() {
    let contract = Contract::current();
    for (path, item) in contract.0["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for member in ["summary", "description", "operationId"] {
                assert!(operation[member].is_string(), "{method} {path} has no {member}");
            }
            assert_eq!(operation["security"], json!([{"bearer": []}]), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            for status in ["401", "429", "500", "503", "504"] {
                assert!(responses.contains_key(status), "{method} {path} does not say {status}");
            }
            for (status, response) in responses {
                let content = response["content"].as_object().map(|content| content.keys().collect::<Vec<_>>());
                match status.as_str() {
                    "204" | "304" => assert_eq!(content, None),
                    "200" if path.ends_with("/changes") => assert_eq!(content.unwrap(), ["text/event-stream"]),
                    "200" | "201" => assert_eq!(content.unwrap(), ["application/json"]),
                    _ => assert_eq!(content.unwrap(), ["application/problem+json"], "{method} {path} {status}"),
                }
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{method} {path} {}", parameter["name"]);
            }
        }
    }
    let described = contract.0["info"]["description"].as_str().unwrap();
    for code in smartpulse::http::Code::ALL {
        assert!(described.contains(&format!("`{}`", code.as_str())), "{code:?}");
    }
}

fn schema<'a>(contract: &'a Contract, name: &str) -> &'a Map<String, Value> {
    contract.0["components"]["schemas"][name].as_object().unwrap()
}

/// A value that the rules accept for a member of a request.
fn good(name: &str) -> Value {
    match name {
        "companyId" => json!(super::support::company(1)),
        "productionUnitId" | "providerId" => json!(unit(3)),
        "forecastDate" => json!("2025-06-01T00:00:00Z"),
        "demand" | "supply" => json!(5.0),
        "confidence" => json!(0.5),
        "status" => json!("Failed"),
        "tags" => json!(["a"]),
        "items" => json!([]),
        "notify" => json!(true),
        other => panic!("{other} is new: say here what it may be"),
    }
}

/// The schemas of requests against what is accepted: each member, its absence, its null, and one that is not there.
#[tokio::test]
async fn requests_are_what_the_description_says() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 9, 9)).await;
    let routes = [
        ("CreateForecast", "POST", "/api/forecasts"),
        ("PatchForecast", "PATCH", path.as_str()),
        ("Batch", "POST", "/api/forecasts/batch"),
    ];
    for (name, method, target) in routes {
        let contract = Contract::current();
        let body = &contract.operation(&method.parse::<Method>().unwrap(), target).unwrap()["requestBody"]["content"];
        let named = body.as_object().unwrap().values().next().unwrap()["schema"]["$ref"].as_str().unwrap().to_owned();
        assert_eq!(named, format!("#/components/schemas/{name}"), "{method} {target}");
        let schema = schema(&contract, name);
        let properties = schema["properties"].as_object().unwrap();
        let required: Vec<&str> = schema
            .get("required")
            .into_iter()
            .flat_map(|names| names.as_array().unwrap())
            .filter_map(Value::as_str)
            .collect();
        let full: Value = properties.keys().map(|member| (member.clone(), good(member))).collect::<Map<_, _>>().into();
        let send = async |body: Value| {
            let reply = app.ask(method, target).by(&token).json(&body).send().await;
            if let (201, Some(created)) = (reply.status.as_u16(), reply.header("location")) {
                app.delete(&token, created).await;
            }
            reply
        };
        assert!(send(full.clone()).await.status.is_success(), "{name}: every member is accepted: {full}");
        for (member, property) in properties {
            let without = send(with(full.clone(), json!({member: null}))).await;
            match required.contains(&member.as_str()) {
                true => assert_eq!(without.fields(), [member.as_str()], "{name} needs {member}"),
                false => assert!(without.status.is_success(), "{name} does without {member}: {without:?}"),
            }
            let mut null = full.clone();
            null[member] = Value::Null;
            let reply = send(null).await;
            let nullable = property["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
            assert_eq!(reply.status.is_success(), nullable, "{name}: {member} may be null: {nullable}: {reply:?}");
        }
        assert_eq!(schema["additionalProperties"], false, "{name}");
        assert_eq!(send(with(full, json!({"colour": 1}))).await.fields(), ["colour"]);
    }
}

#[tokio::test]
async fn a_document_has_the_members_of_its_description_and_no_others() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let all = with(forecast(1, 1, 1), json!({"providerId": unit(2), "supply": 1.0, "tags": ["a"]}));
    let document = app.post(&token, &all).await.json();
    let contract = Contract::current();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&document), names(&schema(&contract, "Forecast")["properties"]));
    let least = app.post(&token, &forecast(1, 1, 2)).await.json();
    let required: BTreeSet<String> = schema(&contract, "Forecast")["required"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names(&least), required);
}

#[tokio::test]
async fn the_pages_are_html_that_loads_nothing_from_elsewhere() {
    let app = TestApp::memory().await;
    for path in ["/", "/docs"] {
        let reply = app.ask("GET", path).send().await;
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let text = reply.text();
        assert!(text.contains("/openapi.json") && !text.contains("://"), "{path} names another host");
    }
    let landing = app.ask("GET", "/").send().await.text();
    for link in ["/docs", "/openapi.json", "/health/ready", "/metrics"] {
        assert!(landing.contains(link), "{link}");
    }
}
