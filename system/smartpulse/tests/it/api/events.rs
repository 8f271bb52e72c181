//! What a write publishes: exactly the events of DESIGN section 4, once each, in order, seen by a durable subscriber.

use serde_json::{Value, json};

use super::subscriber::{Seen, Subscribers};
use super::support::{On, TestApp, company, forecast, unit, user, with, writer};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn of_id(seen: &[Seen], id: &str) {
    for one in seen {
        assert_eq!(one.key, id, "a forecast's events keep their order");
    }
}

/// The members of an event, its own name taken out.
fn without_id(seen: &Seen, name: &str) -> Value {
    let mut event = seen.event.clone();
    let id = event.as_object_mut().unwrap().remove(name).unwrap();
    assert_eq!(id.as_str().unwrap().len(), 36, "{id}");
    event
}

fn tags(unit_n: u128) -> Value {
    json!([format!("unit:{}", unit(unit_n)), format!("company:{}", company(1))])
}

#[tokio::test]
async fn post_patch_and_delete_publish_what_the_specification_says() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let mut topics = Subscribers::of(&app).await;
        let token = writer(1, &[1]);

        let created =
            app.post(&token, &with(forecast(1, 1, 1), json!({"demand": 450.0, "confidence": 0.9}))).await.json();
        let id = created["id"].as_str().unwrap().to_owned();
        let path = format!("/api/forecasts/{id}");
        let seen = topics.invalidation.all(&app).await;
        of_id(&seen, &id);
        let expected = json!({
            "entityId": id, "entityType": "Forecast", "tags": tags(1), "timestamp": created["createdAt"],
            "reason": "DataCreated", "versionId": 1, "incarnation": 1,
        });
        assert_eq!(seen.iter().map(|one| without_id(one, "eventId")).collect::<Vec<_>>(), [expected], "{on:?}");

        let ask = app.ask("PATCH", &path).by(&token).with("traceparent", TRACE);
        let patched = ask.json(&json!({"demand": 500.0, "confidence": 0.95})).send().await.json();
        let seen = topics.updated.all(&app).await;
        of_id(&seen, &id);
        let expected = json!({
            "eventType": "ForecastUpdated", "timestamp": patched["updatedAt"],
            "aggregateId": id, "aggregateType": "Forecast",
            "data": {
                "forecastId": id, "companyId": company(1), "unitId": unit(1),
                "previousVersionId": 1, "currentVersionId": 2,
                "changes": [
                    {"field": "demand", "oldValue": 450.0, "newValue": 500.0},
                    {"field": "confidence", "oldValue": 0.9, "newValue": 0.95},
                ],
            },
            "source": "ProductionForecast.Api", "userId": user(1), "incarnation": 1,
        });
        assert_eq!(seen.iter().map(|one| without_id(one, "eventId")).collect::<Vec<_>>(), [expected], "{on:?}");
        assert_eq!(seen[0].properties["traceparent"], TRACE);
        let seen = topics.invalidation.all(&app).await;
        let expected = json!({
            "entityId": id, "entityType": "Forecast", "tags": tags(1), "timestamp": patched["updatedAt"],
            "reason": "DataUpdated", "versionId": 2, "incarnation": 1,
        });
        assert_eq!(seen.iter().map(|one| without_id(one, "eventId")).collect::<Vec<_>>(), [expected]);
        assert_eq!(seen[0].properties["traceparent"], TRACE);

        assert_eq!(app.delete(&token, &path).await.status, 204);
        let seen = topics.invalidation.all(&app).await;
        of_id(&seen, &id);
        let mut event = without_id(&seen[0], "eventId");
        assert!(event.as_object_mut().unwrap().remove("timestamp").unwrap().is_string());
        let expected = json!({
            "entityId": id, "entityType": "Forecast", "tags": tags(1), "reason": "DataDeleted", "versionId": 3,
            "incarnation": 1,
        });
        assert_eq!((seen.len(), event), (1, expected), "{on:?}");
        assert_eq!(topics.counts(&app).await, [0, 0, 0], "a forecast that never was Completed completes nothing");
    }
}

#[tokio::test]
async fn a_forecast_that_becomes_completed_is_announced_once() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let mut topics = Subscribers::of(&app).await;
        let token = writer(1, &[1]);
        let complete = app.post(&token, &with(forecast(1, 1, 1), json!({"supply": 1.0}))).await.json();
        let path = app.create(&token, &forecast(1, 2, 2)).await;
        let id = path.rsplit('/').next().unwrap();
        let patched = app.patch(&token, &path, &json!({"supply": 2.0})).await.json();
        app.patch(&token, &path, &json!({"supply": 3.0})).await;
        app.patch(&token, &path, &json!({"status": "Failed"})).await;
        let expected = [(&complete["id"], 1, &complete["createdAt"]), (&json!(id), 2, &patched["updatedAt"])].map(
            |(id, unit_n, at)| {
                json!({
                    "ForecastId": id, "Status": "Completed", "CompletedAt": at, "CompanyId": company(1),
                    "UnitId": unit(unit_n), "UserId": user(1),
                })
            },
        );
        let seen = topics.completed.all(&app).await;
        assert_eq!(seen.iter().map(|one| without_id(one, "EventId")).collect::<Vec<_>>(), expected, "{on:?}");
        app.patch(&token, &path, &json!({"status": "Completed"})).await;
        app.delete(&token, &path).await;
        assert_eq!(topics.completed.all(&app).await.len(), 1, "again, since it was Failed in between");
        assert_eq!(topics.updated.all(&app).await.len(), 4);
        assert_eq!(topics.invalidation.all(&app).await.len(), 7);
    }
}

#[tokio::test]
async fn a_move_names_the_tags_before_and_after() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let mut topics = Subscribers::of(&app).await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &with(forecast(1, 1, 1), json!({"providerId": unit(8)}))).await;
        app.patch(&token, &path, &json!({"productionUnitId": unit(2), "providerId": unit(9)})).await;
        app.delete(&token, &path).await;
        let text = |kind: &str, n: u128| format!("{kind}:{}", unit(n));
        let mine = format!("company:{}", company(1));
        let tags: Vec<Value> =
            topics.invalidation.all(&app).await.iter().map(|seen| seen.event["tags"].clone()).collect();
        let expected = [
            json!([text("unit", 1), mine, text("provider", 8)]),
            json!([text("unit", 1), mine, text("provider", 8), text("unit", 2), text("provider", 9)]),
            json!([text("unit", 2), mine, text("provider", 9)]),
        ];
        assert_eq!(tags, expected, "{on:?}");
        let updated = topics.updated.all(&app).await;
        assert_eq!(updated[0].event["data"]["unitId"], unit(2).to_string());
        assert_eq!(
            updated[0].event["data"]["changes"],
            json!([{"field": "productionUnitId", "oldValue": unit(1), "newValue": unit(2)},
                   {"field": "providerId", "oldValue": unit(8), "newValue": unit(9)}])
        );
    }
}

#[tokio::test]
async fn what_is_refused_publishes_nothing_and_all_else_comes_in_order() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let path = app.create(&token, &forecast(1, 1, 1)).await;
        app.post(&token, &forecast(1, 1, 1)).await.problem(409, "FORECAST_EXISTS");
        app.patch(&token, &path, &json!({"demand": -1})).await.problem(400, "VALIDATION_FAILED");
        let refused = app.ask("DELETE", &path).by(&token).with("if-match", "\"x\"").send().await;
        refused.problem(412, "PRECONDITION_FAILED");
        for demand in 1..=20 {
            app.patch(&token, &path, &json!({"demand": demand})).await;
        }
        // A subscriber that comes late: the topic kept everything for it.
        let mut topics = Subscribers::of(&app).await;
        let seen = topics.invalidation.all(&app).await;
        let versions: Vec<u64> = seen.iter().map(|one| one.event["versionId"].as_u64().unwrap()).collect();
        assert_eq!(versions, (1..=21).collect::<Vec<u64>>(), "{on:?}");
        let steps = topics.updated.all(&app).await;
        let steps: Vec<(u64, u64)> = steps
            .iter()
            .map(|one| &one.event["data"])
            .map(|data| (data["previousVersionId"].as_u64().unwrap(), data["currentVersionId"].as_u64().unwrap()))
            .collect();
        assert_eq!(steps, (1..=20).map(|n| (n, n + 1)).collect::<Vec<_>>());
        let mut ids: Vec<&Value> = seen.iter().map(|one| &one.event["eventId"]).collect();
        ids.sort_by_key(|id| id.as_str());
        ids.dedup();
        assert_eq!(ids.len(), 21, "each event has a name of its own");
    }
}
