//! Lists: pages, filters, bounds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::Reply;
use super::support::{On, TestApp, company, forecast, reader, root, unit, with, writer};

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// 250 forecasts of company 1: 5 units on each of 50 days, so that each date comes five times; in shuffled order.
async fn fill(app: &TestApp) {
    let mut items: Vec<Value> = (0..250u32).map(|n| forecast(1, u128::from(n % 5), n / 5)).collect();
    items.sort_by_key(|item| xxhash_rust::xxh3::xxh3_64(item.to_string().as_bytes()));
    let reply = app.batch(&writer(1, &[1]), &json!({"items": items})).await;
    assert_eq!(reply.json()["created"], 250, "{reply:?}");
}

#[tokio::test]
async fn a_walk_by_cursor_sees_everything_once_in_order() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        fill(&app).await;
        let token = reader(1, &[1]);
        for take in [7usize, 50, 100] {
            let mut seen: Vec<(String, String)> = Vec::new();
            let mut target = format!("/api/forecasts?take={take}");
            loop {
                let page = app.get(&token, &target).await.json();
                assert_eq!(page["total"], 250);
                for item in page["items"].as_array().unwrap() {
                    let text = |name: &str| item[name].as_str().unwrap().to_owned();
                    seen.push((text("forecastDate"), text("id")));
                }
                let Some(next) = page["next"].as_str() else { break };
                assert_eq!(ids(&page).len(), take, "{on:?}: only the last page is shorter");
                target = format!("/api/forecasts?take={take}&cursor={next}");
            }
            assert_eq!(seen.len(), 250, "{on:?} {take}");
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 250, "no repeats");
            // All dates have one width, so their texts order as they do.
            let mut sorted = seen.clone();
            sorted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            assert!(seen == sorted, "{on:?}: forecastDate descending, then id");
        }
    }
}

#[tokio::test]
async fn a_walk_by_skip_sees_the_same() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        fill(&app).await;
        let token = reader(1, &[1]);
        let mut seen = Vec::new();
        for skip in (0..300).step_by(100) {
            let page = app.get(&token, &format!("/api/forecasts?skip={skip}&take=100")).await.json();
            assert_eq!(page["next"].is_null(), skip == 200, "{on:?}: next says whether there is more");
            seen.extend(ids(&page));
        }
        assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (250, 250), "{on:?}");
        let page = app.get(&token, "/api/forecasts?skip=250").await.json();
        assert_eq!(page, json!({"total": 250, "items": [], "next": null}));
        assert_eq!(ids(&app.get(&token, "/api/forecasts").await.json()).len(), 20, "20 by default");
    }
}

#[tokio::test]
async fn filters_narrow_and_combine() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        fill(&app).await;
        let all = root();
        app.create(&all, &with(forecast(2, 1, 1), json!({"supply": 500.0}))).await;
        app.create(&all, &with(forecast(2, 1, 2), json!({"status": "Failed"}))).await;
        let (c1, c2, u1) = (company(1), company(2), unit(1));
        let cases: [(String, u64); 12] = [
            (String::new(), 252),
            (format!("companyId={c2}"), 2),
            (format!("companyId={}", company(9)), 0),
            (format!("productionUnitId={u1}"), 52),
            (format!("productionUnitId={u1}&companyId={c1}"), 50),
            ("status=Completed".into(), 1),
            ("status=Failed".into(), 1),
            (format!("status=Pending&companyId={c2}"), 0),
            ("from=2025-01-03T00:00:00Z&to=2025-01-05T00:00:00Z".into(), 11),
            ("from=2025-01-03T00:00:00%2B00:00&to=2025-01-03T00:00:00Z".into(), 0),
            ("to=2025-01-02T00:00:00Z".into(), 5),
            ("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z".into(), 252),
        ];
        for (query, total) in cases {
            let page = app.get(&all, &format!("/api/forecasts?{query}")).await.json();
            assert_eq!(page["total"], total, "{on:?} {query}");
            assert_eq!(ids(&page).len() as u64, total.min(20), "{on:?} {query}");
        }
    }
}

#[tokio::test]
async fn the_order_and_spelling_of_parameters_does_not_matter_for_a_hit() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    app.create(&token, &forecast(1, 1, 1)).await;
    let (c, u) = (company(1), unit(1));
    let upper = c.to_string().to_uppercase();
    let first = app.get(&token, &format!("/api/forecasts?companyId={c}&productionUnitId={u}&take=20")).await;
    assert_eq!(first.level(), "L4");
    for query in [
        format!("productionUnitId={u}&companyId={c}"),
        format!("take=20&skip=0&productionUnitId={u}&companyId={c}"),
        format!("companyId={upper}&productionUnitId={u}"),
        format!("companyId={c}&productionUnitId={u}&utm_source=x"),
    ] {
        let reply = app.get(&token, &format!("/api/forecasts?{query}")).await;
        assert_eq!((reply.level(), &reply.body), ("L1", &first.body), "{query}");
    }
    assert_eq!(app.get(&token, &format!("/api/forecasts?companyId={c}&take=21")).await.level(), "L4");
    assert_eq!(app.store.lists.get(), 2);
}

#[tokio::test]
async fn the_companies_of_a_token_are_a_set() {
    let app = TestApp::memory().await;
    for n in 1..=3 {
        app.create(&root(), &forecast(n, 1, 1)).await;
    }
    let total = |reply: &Reply| reply.json()["total"].as_u64().unwrap();
    let both = app.get(&reader(1, &[1, 3]), "/api/forecasts").await;
    assert_eq!((total(&both), both.level()), (2, "L4"));
    let turned = app.get(&reader(2, &[3, 1, 3]), "/api/forecasts").await;
    assert_eq!((turned.level(), &turned.body), ("L1", &both.body), "the same scope, another user");
    for (token, expected) in [(reader(1, &[1]), 1), (reader(1, &[]), 0), (root(), 3)] {
        let reply = app.get(&token, "/api/forecasts").await;
        assert_eq!((total(&reply), reply.level()), (expected, "L4"));
    }
    // More companies than the list's key and tags name one by one.
    let many: Vec<u128> = (1..=40).collect();
    let reply = app.get(&reader(1, &many), "/api/forecasts").await;
    assert_eq!(total(&reply), 3);
    let fewer = app.get(&reader(1, &many[1..]), "/api/forecasts").await;
    assert_eq!((total(&fewer), fewer.level()), (2, "L4"));
    app.create(&root(), &forecast(7, 1, 1)).await;
    assert_eq!(total(&app.get(&reader(1, &many), "/api/forecasts").await), 4, "evicted by a change of one of them");
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let app = TestApp::memory().await;
    let token = reader(1, &[1]);
    let cursor = "00".repeat(29);
    let cases = [
        ("take=0", "take"),
        ("take=101", "take"),
        ("take=-1", "take"),
        ("take=", "take"),
        ("take=1e1", "take"),
        ("take=%2B5", "take"),
        ("take=99999999999999999999", "take"),
        ("take=5&take=6", "take"),
        ("skip=-1", "skip"),
        ("skip=1000001", "skip"),
        ("skip=0.5", "skip"),
        ("companyId=7", "companyId"),
        ("companyId=", "companyId"),
        ("productionUnitId=%00", "productionUnitId"),
        ("status=completed", "status"),
        ("status=Done", "status"),
        ("from=yesterday", "from"),
        ("from=2025-13-01T00:00:00Z", "from"),
        ("from=2025-01-01", "from"),
        ("to=2025-01-01T00:00:00", "to"),
        ("from=2025-02-01T00:00:00Z&to=2025-01-01T00:00:00Z", "to"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        (&format!("cursor={cursor}"), "cursor"),
    ];
    for (query, field) in cases {
        let reply = app.get(&token, &format!("/api/forecasts?{query}")).await;
        assert_eq!(reply.fields(), [field], "{query}");
    }
    let all = app.get(&token, "/api/forecasts?take=x&skip=y&status=z").await.fields();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 3, "all at once: {all:?}");
    app.get(&token, "/api/forecasts?status=%FF").await.problem(400, "VALIDATION_FAILED");
    for edge in ["take=1", "take=100", "skip=1000000"] {
        assert_eq!(app.get(&token, &format!("/api/forecasts?{edge}")).await.status, 200, "{edge}");
    }
    assert_eq!(app.store.lists.get(), 3, "only those reached the store");
}

#[tokio::test]
async fn a_cursor_that_was_changed_is_refused() {
    let app = TestApp::memory().await;
    fill(&app).await;
    let token = reader(1, &[1]);
    let cursor = app.get(&token, "/api/forecasts?take=7").await.json()["next"].as_str().unwrap().to_owned();
    for at in 0..cursor.len() {
        let mut changed = cursor.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        let reply = app.get(&token, &format!("/api/forecasts?take=7&cursor={changed}")).await;
        assert_eq!(reply.fields(), ["cursor"], "{changed}");
    }
    for changed in [&cursor[1..], &cursor[..cursor.len() - 2], &cursor.to_uppercase(), &format!("{cursor}00")] {
        if *changed != cursor {
            assert_eq!(app.get(&token, &format!("/api/forecasts?cursor={changed}")).await.fields(), ["cursor"]);
        }
    }
    for skip in [0, 5] {
        let reply = app.get(&token, &format!("/api/forecasts?skip={skip}&cursor={cursor}")).await;
        assert_eq!(reply.fields(), ["skip"]);
    }
    // It grants nothing: another company's cursor only says where to begin.
    let page = app.get(&reader(2, &[2]), &format!("/api/forecasts?cursor={cursor}")).await.json();
    assert_eq!(page, json!({"total": 0, "items": [], "next": null}));
}
