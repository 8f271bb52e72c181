//! Many forecasts at once.

use serde_json::{Value, json};

use super::subscriber::Subscribers;
use super::support::{On, TestApp, forecast, unit, with, writer};

fn statuses(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

fn counts(answer: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "invalid"].map(|name| answer[name].as_u64().unwrap())
}

#[tokio::test]
async fn every_item_has_its_own_result() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let same = app.create(&token, &with(forecast(1, 1, 1), json!({"supply": 5.0, "tags": ["kept"]}))).await;
        let differs = app.create(&token, &forecast(1, 1, 2)).await;
        app.get(&token, &differs).await;
        let items = json!([
            forecast(1, 1, 1),
            with(forecast(1, 1, 2), json!({"supply": 7.0})),
            forecast(1, 1, 3),
            with(forecast(1, 1, 4), json!({"demand": -1, "colour": 1})),
            forecast(2, 1, 5),
            with(forecast(1, 1, 3), json!({"demand": 9.0})),
            with(forecast(1, 1, 3), json!({"providerId": unit(9)})),
            7,
        ]);
        let reply = app.batch(&token, &json!({"items": items})).await;
        assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, Some("no-store")));
        let answer = reply.json();
        let expected = ["unchanged", "updated", "created", "invalid", "invalid", "invalid", "created", "invalid"];
        assert_eq!((statuses(&answer), counts(&answer)), (expected.to_vec(), [2, 1, 1, 4]), "{on:?}");
        let results = answer["results"].as_array().unwrap();
        let at = |n: usize| &results[n];
        for (n, result) in results.iter().enumerate() {
            assert_eq!(result["index"], n);
            assert_eq!(result["id"].is_string(), result["details"].is_null(), "{result}");
        }
        assert_eq!((at(0)["id"].as_str(), &at(0)["versionId"]), (same.rsplit('/').next(), &json!(1)));
        assert_eq!((at(1)["id"].as_str(), &at(1)["versionId"]), (differs.rsplit('/').next(), &json!(2)));
        assert_eq!(at(2)["versionId"], 1);
        let fields = |n: usize| -> Vec<&str> {
            at(n)["details"].as_array().unwrap().iter().map(|detail| detail["field"].as_str().unwrap()).collect()
        };
        assert_eq!(
            (fields(3), fields(4), fields(5)),
            (vec!["demand", "colour"], vec!["companyId"], vec!["forecastDate"])
        );
        assert!(at(5)["details"][0]["message"].as_str().unwrap().contains("items[2]"), "{}", at(5));

        // What the batch wrote is visible at once, also where the old was cached.
        let read = app.get(&token, &differs).await.json();
        assert_eq!(
            (&read["supply"], &read["status"], &read["versionId"]),
            (&json!(7.0), &json!("Completed"), &json!(2))
        );
        assert_eq!(app.get(&token, &same).await.json()["tags"], json!(["kept"]), "what an item does not name stays");
        let created = format!("/api/forecasts/{}", at(2)["id"].as_str().unwrap());
        assert_eq!(app.get(&token, &created).await.json()["demand"], 500.0, "the first of two with one key counts");
        assert_eq!((app.stored().await, app.store.commits.get()), (4, 3), "one transaction");
    }
}

#[tokio::test]
async fn the_same_batch_again_changes_nothing() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let mut topics = Subscribers::of(&app).await;
        let token = writer(1, &[1]);
        let items: Vec<Value> = (0..1_000)
            .map(|n| with(forecast(1, u128::from(n % 4), n / 4), json!({"supply": f64::from(n) / 7.0})))
            .collect();
        let batch = json!({"items": items, "notify": true});
        assert_eq!(counts(&app.batch(&token, &batch).await.json()), [1_000, 0, 0, 0], "{on:?}");
        assert_eq!(topics.counts(&app).await, [0, 1_000, 1_000]);
        let list = app.get(&token, "/api/forecasts").await;
        let commits = app.store.commits.get();
        assert_eq!(counts(&app.batch(&token, &batch).await.json()), [0, 0, 1_000, 0], "{on:?}");
        assert_eq!((topics.counts(&app).await, app.store.commits.get()), ([0, 0, 0], commits));
        let again = app.get(&token, "/api/forecasts").await;
        assert_eq!((again.level(), &again.body), ("L1", &list.body));
    }
}

#[tokio::test]
async fn an_import_alerts_nobody_unless_it_says_so() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let mut topics = Subscribers::of(&app).await;
        let token = writer(1, &[1]);
        let item = |day, supply: Value| with(forecast(1, 1, day), json!({"supply": supply}));
        let steps = [
            (json!({"items": [item(1, json!(1.0)), item(2, json!(1.0))]}), [0, 2, 0]),
            (json!({"items": [item(3, json!(1.0))], "notify": false}), [0, 1, 0]),
            (json!({"items": [item(4, json!(1.0)), forecast(1, 1, 5)], "notify": true}), [0, 2, 1]),
            (json!({"items": [item(5, json!(2.0)), item(4, json!(3.0))], "notify": true}), [2, 2, 1]),
            (json!({"items": [forecast(1, 1, 6)], "notify": null}), [0, 1, 0]),
        ];
        for (batch, expected) in steps {
            assert_eq!(app.batch(&token, &batch).await.status, 200);
            assert_eq!(topics.counts(&app).await, expected, "{on:?} {batch}");
        }
    }
}

#[tokio::test]
async fn a_batch_has_bounds() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let some = |n: u32| json!({"items": (0..n).map(|day| forecast(1, 1, day)).collect::<Vec<_>>()});
        assert_eq!(app.batch(&token, &some(1_001)).await.fields(), ["items"]);
        assert_eq!(app.batch(&token, &json!({"items": {}})).await.fields(), ["items"]);
        assert_eq!(app.batch(&token, &json!({})).await.fields(), ["items"]);
        assert_eq!(app.batch(&token, &json!({"items": [], "notify": "yes"})).await.fields(), ["notify"]);
        assert_eq!(app.batch(&token, &json!({"items": [], "dryRun": true})).await.fields(), ["dryRun"]);
        app.batch(&token, &json!([forecast(1, 1, 1)])).await.problem(400, "INVALID_JSON");
        assert_eq!(counts(&app.batch(&token, &json!({"items": []})).await.json()), [0; 4]);
        assert_eq!((app.stored().await, app.store.commits.get()), (0, 0), "{on:?}");
        assert_eq!(counts(&app.batch(&token, &some(1_000)).await.json()), [1_000, 0, 0, 0]);
    }
}

#[tokio::test]
async fn batches_at_the_same_time_make_each_forecast_once() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let other = app.beside().await;
        let mut topics = Subscribers::of(&app).await;
        let token = writer(1, &[1]);
        let batch = json!({"items": (0..50).map(|day| forecast(1, 1, day)).collect::<Vec<_>>()});
        let sent = (0..6).map(|n| if n % 2 == 0 { &app } else { &other }).map(|app| app.batch(&token, &batch));
        let answers: Vec<Value> = futures_util::future::join_all(sent).await.iter().map(|reply| reply.json()).collect();
        let created: u64 = answers.iter().map(|answer| counts(answer)[0]).sum();
        let unchanged: u64 = answers.iter().map(|answer| counts(answer)[2]).sum();
        assert_eq!((created, unchanged), (50, 250), "{on:?}");
        assert_eq!((app.stored().await, topics.counts(&app).await), (50, [0, 50, 0]));
    }
}
