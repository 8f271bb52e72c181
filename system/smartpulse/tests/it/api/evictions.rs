//! What evicts a list and what does not; and that no company sees another's.

use serde_json::{Value, json};

use super::support::{On, TestApp, company, forecast, reader, root, unit, with, writer};

/// Lists that cover units 1 and 2 of company 1 in all the ways there are.
fn targets() -> [(String, String); 6] {
    let (c, u) = (company(1), unit(1));
    [
        (reader(1, &[1]), "/api/forecasts".to_owned()),
        (reader(1, &[1, 2]), "/api/forecasts?status=Completed".to_owned()),
        (reader(1, &[1]), format!("/api/forecasts?productionUnitId={u}")),
        (root(), format!("/api/forecasts?companyId={c}&status=Failed")),
        (root(), "/api/forecasts?take=100".to_owned()),
        (reader(1, &[1]), "/api/forecasts?from=2025-03-01T00:00:00Z".to_owned()),
    ]
}

async fn warm(app: &TestApp, targets: &[(String, String)]) {
    for (token, target) in targets {
        app.get(token, target).await;
        assert_eq!(app.get(token, target).await.level(), "L1", "{target}");
    }
}

/// Every list shows what the store holds, and the ones at `evicted` had to be built again.
async fn all_are_true(app: &TestApp, what: &str, targets: &[(String, String)], evicted: &[usize]) {
    for (n, (token, target)) in targets.iter().enumerate() {
        let reply = app.get(token, target).await;
        let expected = if evicted.contains(&n) { "L4" } else { "L1" };
        assert_eq!(reply.level(), expected, "{what}: {target}");
        let fresh = app.beside().await.get(token, target).await;
        assert_eq!((fresh.level(), fresh.json()), ("L4", reply.json()), "{what}: {target}");
    }
}

#[tokio::test]
async fn a_list_is_evicted_by_every_change_of_what_it_could_show() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let mine = app.create(&token, &forecast(1, 1, 1)).await;
        let other_unit = app.create(&token, &forecast(1, 2, 2)).await;
        let targets = targets();

        warm(&app, &targets).await;
        app.patch(&token, &mine, &json!({"demand": 1.0})).await;
        all_are_true(&app, "a change", &targets, &[0, 1, 2, 3, 4, 5]).await;

        warm(&app, &targets).await;
        app.patch(&token, &mine, &json!({"supply": 2.0})).await;
        all_are_true(&app, "a change that moves it into status=Completed", &targets, &[0, 1, 2, 3, 4, 5]).await;
        assert_eq!(app.get(&targets[1].0, &targets[1].1).await.json()["total"], 1);

        warm(&app, &targets).await;
        app.patch(&token, &other_unit, &json!({"productionUnitId": unit(1)})).await;
        all_are_true(&app, "a move into the unit", &targets, &[0, 1, 2, 3, 4, 5]).await;
        assert_eq!(app.get(&targets[2].0, &targets[2].1).await.json()["total"], 2);

        warm(&app, &targets).await;
        app.patch(&token, &other_unit, &json!({"productionUnitId": unit(2)})).await;
        all_are_true(&app, "a move out of the unit", &targets, &[0, 1, 2, 3, 4, 5]).await;

        warm(&app, &targets).await;
        app.patch(&token, &mine, &json!({"forecastDate": "2025-04-01T00:00:00Z"})).await;
        all_are_true(&app, "a move into the dates", &targets, &[0, 1, 2, 3, 4, 5]).await;
        assert_eq!(app.get(&targets[5].0, &targets[5].1).await.json()["total"], 1);

        warm(&app, &targets).await;
        let made = app.create(&token, &with(forecast(1, 1, 9), json!({"status": "Failed"}))).await;
        all_are_true(&app, "a new one", &targets, &[0, 1, 2, 3, 4, 5]).await;
        assert_eq!(app.get(&targets[3].0, &targets[3].1).await.json()["total"], 1);

        warm(&app, &targets).await;
        assert_eq!(app.delete(&token, &made).await.status, 204);
        all_are_true(&app, "a deletion", &targets, &[0, 1, 2, 3, 4, 5]).await;

        warm(&app, &targets).await;
        let batch = json!({"items": [with(forecast(1, 1, 1), json!({"forecastDate": "2025-04-01T00:00:00Z", "supply": 3})),
                                     forecast(1, 1, 40)]});
        let reply = app.batch(&token, &batch).await.json();
        assert_eq!((&reply["updated"], &reply["created"]), (&json!(1), &json!(1)), "{reply}");
        all_are_true(&app, "a batch", &targets, &[0, 1, 2, 3, 4, 5]).await;
    }
}

#[tokio::test]
async fn a_list_is_not_evicted_by_what_it_cannot_show() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1, 2, 3]);
        let elsewhere = app.create(&token, &forecast(3, 3, 1)).await;
        let other_unit = app.create(&token, &forecast(1, 2, 1)).await;
        app.create(&token, &forecast(1, 1, 1)).await;
        let targets = targets();

        warm(&app, &targets).await;
        app.patch(&token, &elsewhere, &json!({"demand": 1.0, "status": "Failed"})).await;
        all_are_true(&app, "a change of another company and unit", &targets, &[4]).await;

        warm(&app, &targets).await;
        app.create(&token, &forecast(3, 3, 2)).await;
        all_are_true(&app, "a new one of another company", &targets, &[4]).await;

        warm(&app, &targets).await;
        app.batch(&token, &json!({"items": [forecast(3, 3, 3), forecast(3, 4, 3)]})).await;
        all_are_true(&app, "a batch of another company", &targets, &[4]).await;

        warm(&app, &targets).await;
        app.delete(&token, &elsewhere).await;
        all_are_true(&app, "a deletion in another company", &targets, &[4]).await;

        warm(&app, &targets).await;
        app.patch(&token, &other_unit, &json!({"demand": 2.0})).await;
        all_are_true(&app, "a change in another unit of the company", &targets, &[0, 1, 3, 4, 5]).await;

        warm(&app, &targets).await;
        let same = app.patch(&token, &other_unit, &json!({"demand": 2.0})).await;
        assert_eq!(same.status, 200);
        all_are_true(&app, "a patch that changes nothing", &targets, &[]).await;
        assert_eq!(app.post(&token, &forecast(1, 1, 1)).await.status, 409);
        all_are_true(&app, "a write that is refused", &targets, &[]).await;
    }
}

/// A page that counts a forecast without showing it is evicted by its unit's tag alone: that of before the move.
#[tokio::test]
async fn a_move_out_of_a_unit_evicts_the_pages_that_only_counted_it() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let token = writer(1, &[1]);
        let older = app.create(&token, &forecast(1, 1, 1)).await;
        app.create(&token, &forecast(1, 1, 2)).await;
        let page = format!("/api/forecasts?productionUnitId={}&take=1", unit(1));
        warm(&app, &[(token.clone(), page.clone())]).await;
        app.patch(&token, &older, &json!({"productionUnitId": unit(2)})).await;
        let reply = app.get(&token, &page).await;
        assert_eq!((reply.level(), &reply.json()["total"]), ("L4", &json!(1)), "{on:?}");
    }
}

#[tokio::test]
async fn a_list_built_while_a_change_was_committed_is_not_kept() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let path = app.create(&token, &forecast(1, 1, 1)).await;
    app.store.list_gate.close();
    let building = {
        let ask = app.ask("GET", "/api/forecasts").by(&token).send();
        let write = async {
            app.store.list_gate.reached_by(1).await;
            let patched = app.patch(&token, &path, &json!({"demand": 7.0})).await;
            assert_eq!(patched.status, 200);
            app.store.list_gate.open();
        };
        tokio::join!(ask, write).0
    };
    assert_eq!(building.status, 200);
    let items = |page: Value| page["items"][0]["demand"].clone();
    let reply = app.get(&token, "/api/forecasts").await;
    assert_eq!(items(reply.json()), 7.0, "own writes are visible at once: {reply:?}");
}

#[tokio::test]
async fn two_companies_with_the_same_url_never_see_each_other() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let (one, two) = (writer(1, &[1]), writer(2, &[2]));
        let path = app.create(&one, &forecast(1, 1, 1)).await;
        let theirs = app.create(&two, &forecast(2, 1, 1)).await;

        let (c, u) = (company(1), unit(1));
        let urls = [
            "/api/forecasts".to_owned(),
            format!("/api/forecasts?productionUnitId={u}"),
            format!("/api/forecasts?companyId={c}"),
        ];
        for url in &urls {
            // Right after the other one cached it, and from the cache.
            for level in ["L4", "L1"] {
                let (first, second) = (app.get(&one, url).await, app.get(&two, url).await);
                assert_eq!((first.level(), second.level()), (level, level), "{on:?} {url}");
                assert_eq!(first.json()["items"][0]["companyId"], company(1).to_string());
                assert!(!second.text().contains(&company(1).to_string()), "{on:?} {url}");
                assert_eq!(second.json()["total"], u32::from(!url.contains("companyId")));
                assert_ne!(first.etag(), second.etag());
                let stolen = app.ask("GET", url).by(&two).with("if-none-match", first.etag()).send().await;
                assert_eq!(stolen.status, 200, "not even that it is unchanged");
            }
        }
        for _ in 0..2 {
            let etag = app.get(&one, &path).await.etag();
            let refused = app.ask("GET", &path).by(&two).with("if-none-match", &etag).send().await;
            let unknown = app.get(&two, &format!("/api/forecasts/{}", unit(77))).await;
            refused.problem(404, "FORECAST_NOT_FOUND");
            assert_eq!(refused.body, unknown.body, "not to be told from one that does not exist");
            assert_eq!(refused.header("x-cache-level"), None);
            app.drop_local(&path);
        }
        // First asked for by the one who may not see it.
        app.get(&one, &theirs).await.problem(404, "FORECAST_NOT_FOUND");
        assert_eq!(app.get(&two, &theirs).await.status, 200);
        assert_eq!(app.get(&root(), &path).await.status, 200);
        assert_eq!(app.get(&reader(3, &[2, 1]), &path).await.status, 200);
        app.get(&reader(3, &[]), &path).await.problem(404, "FORECAST_NOT_FOUND");
    }
}
