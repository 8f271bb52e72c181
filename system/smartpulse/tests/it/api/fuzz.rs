//! Arbitrary bodies to every write route: never a 5xx, and never anything stored that a request may not say.

use std::cell::Cell;

use domain::model::{ListParams, Scope};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::support::{TestApp, company, forecast, unit, writer};

const CASES: u32 = 300;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0.0..2.0f64).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!(company(1))),
        Just(json!("Completed")),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:00:00Z".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    const NAMES: [&str; 14] = [
        "id",
        "companyId",
        "productionUnitId",
        "providerId",
        "forecastDate",
        "demand",
        "supply",
        "confidence",
        "status",
        "tags",
        "items",
        "notify",
        "versionId",
        "variance",
    ];
    prop_oneof![4 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}".prop_map(String::from)]
}

/// A good forecast with up to three members replaced by anything: most of the interesting bodies are nearly right.
fn nearly_right() -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec((any_name(), any_json()), 0..4);
    (1u128..4, 0u32..40, changes).prop_map(|(unit_n, day, changes)| {
        let mut body = forecast(1, unit_n, day);
        for (name, value) in changes {
            body[name] = value;
        }
        body
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let text = |value: Value| value.to_string().into_bytes();
    let batch = (prop::collection::vec(nearly_right(), 0..4), any_json());
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        any_json().prop_map(text),
        nearly_right().prop_map(text),
        nearly_right().prop_map(move |body| {
            // Members of a creation that a patch may not name.
            let mut body = body;
            body.as_object_mut().unwrap().remove("companyId");
            text(body)
        }),
        batch.prop_map(move |(items, notify)| match notify {
            Value::Bool(_) => text(json!({"items": items, "notify": notify})),
            _ => text(json!({"items": items})),
        }),
    ]
}

async fn everything_stored_is_valid(app: &TestApp) {
    let query = ListParams::from_query([("take", "100")]).unwrap().query(&Scope::All);
    let page = app.ports.store.list(&query).await.unwrap();
    assert!(page.total >= 1, "the one that is patched stays");
    let api = app.contract.0.pointer("/components/schemas/Forecast").unwrap();
    for row in page.items {
        assert_eq!(row.company_id.0, company(1));
        let amounts = [Some(row.demand), row.supply];
        assert!(amounts.into_iter().flatten().all(|amount| (0.0..=1e12).contains(&amount)), "{row:?}");
        assert!((0.0..=1.0).contains(&row.confidence_level), "{row:?}");
        assert!(row.tags.len() <= 16 && row.tags.iter().all(|tag| !tag.is_empty() && tag.chars().count() <= 64));
        assert!(row.status != domain::model::Status::Completed || row.supply.is_some(), "{row:?}");
        app.contract.fits(api, &serde_json::to_value(&row).unwrap()).unwrap();
    }
}

#[test]
fn no_body_breaks_a_write_route() {
    let runtime = Runtime::new().unwrap();
    let app = runtime.block_on(TestApp::memory());
    let token = writer(1, &[1]);
    let path = runtime.block_on(app.create(&token, &forecast(1, 9, 1)));
    let other = format!("/api/forecasts/{}", unit(1));
    let routes = [("POST", "/api/forecasts"), ("POST", "/api/forecasts/batch"), ("PATCH", &path), ("PATCH", &other)];
    let accepted: [Cell<u32>; 4] = Default::default();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&any_body(), |body| {
        runtime.block_on(async {
            for (n, (method, target)) in routes.iter().enumerate() {
                let before = app.ports.feed.end().await.unwrap();
                let ask = app.ask(method, target).by(&token).text("application/json", body.clone());
                let reply = ask.send().await;
                assert!(reply.status.as_u16() < 500, "{method} {target} {body:?}: {reply:?}");
                if reply.status.is_success() {
                    accepted[n].set(accepted[n].get() + 1);
                } else {
                    assert_eq!(app.ports.feed.end().await.unwrap(), before, "refused and yet written: {reply:?}");
                }
            }
            everything_stored_is_valid(&app).await;
        });
        Ok(())
    });
    run.unwrap();
    assert!(
        accepted[..3].iter().all(|count| count.get() > 0),
        "the bodies are near enough to be accepted: {accepted:?}"
    );
}
