//! `Idempotency-Key`: a repeated request gets the first answer and writes nothing.

use http::HeaderMap;
use serde_json::{Value, json};

use super::client::Reply;
use super::subscriber::Subscribers;
use super::support::{On, TestApp, after, forecast, with, writer};

async fn named(app: &TestApp, token: &str, key: &str, body: &Value) -> Reply {
    app.ask("POST", "/api/forecasts").by(token).with("idempotency-key", key).json(body).send().await
}

/// The headers that a replay must repeat.
fn lasting(reply: &Reply) -> HeaderMap {
    let mut headers = reply.headers.clone();
    for name in ["x-request-id", "x-instance", "idempotency-replayed"] {
        headers.remove(name);
    }
    headers
}

fn is_replay(reply: &Reply, first: &Reply) {
    assert_eq!(reply.header("idempotency-replayed"), Some("true"), "{reply:?}");
    assert_eq!((reply.status, lasting(reply)), (first.status, lasting(first)));
    assert_eq!(reply.body, first.body);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_writes_nothing() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let mut topics = Subscribers::of(&app).await;
        let (token, body) = (writer(1, &[1]), with(forecast(1, 1, 1), json!({"supply": 1.0})));
        let first = named(&app, &token, "key-1", &body).await;
        assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (201, None));
        is_replay(&named(&app, &token, "key-1", &body).await, &first);
        let other = app.beside().await;
        is_replay(&named(&other, &token, "key-1", &body).await, &first);
        assert_eq!((app.stored().await, topics.counts(&app).await), (1, [0, 1, 1]), "{on:?}");

        // What has happened since does not matter: the answer to this request stays what it was.
        let path = first.header("location").unwrap().to_owned();
        app.delete(&token, &path).await;
        is_replay(&named(&app, &token, "key-1", &body).await, &first);
        assert_eq!(app.stored().await, 0);
    }
}

#[tokio::test]
async fn the_key_is_bound_to_the_body_the_route_and_the_caller() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let (token, body) = (writer(1, &[1]), forecast(1, 1, 1));
        let first = named(&app, &token, "key", &body).await;
        let other_body = with(body.clone(), json!({"demand": 501.0}));
        named(&app, &token, "key", &other_body).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
        let batch = json!({"items": [body]});
        let reply = app.ask("POST", "/api/forecasts/batch").by(&token).with("idempotency-key", "key").json(&batch);
        reply.send().await.problem(422, "IDEMPOTENCY_KEY_REUSED");
        // Another user of the same company: the key is his own, and what he asks for exists already.
        let exists = named(&app, &writer(2, &[1]), "key", &body).await;
        exists.problem(409, "FORECAST_EXISTS");
        let his = named(&app, &writer(2, &[1]), "key", &forecast(1, 1, 2)).await;
        assert_eq!((his.status.as_u16(), his.header("idempotency-replayed")), (201, None));
        is_replay(&named(&app, &token, "key", &body).await, &first);
        is_replay(&named(&app, &writer(2, &[1]), "key", &forecast(1, 1, 2)).await, &his);
        assert_eq!(app.stored().await, 2, "{on:?}");
    }
}

#[tokio::test]
async fn duplicates_at_the_same_time_write_once() {
    for on in On::BOTH {
        for round in 0..5 {
            let app = TestApp::on(on).await;
            let other = app.beside().await;
            let mut topics = Subscribers::of(&app).await;
            let (token, body) = (writer(1, &[1]), forecast(1, 1, round));
            let asks = (0..24).map(|n| named(if n % 2 == 0 { &app } else { &other }, &token, "key", &body));
            let replies = futures_util::future::join_all(asks).await;
            let created: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 201).collect();
            assert!(!created.is_empty());
            for reply in &replies {
                match reply.status.as_u16() {
                    201 => assert_eq!(reply.body, created[0].body, "all answers are the first one"),
                    _ => {
                        reply.problem(409, "IDEMPOTENCY_IN_PROGRESS");
                        assert_eq!(reply.header("retry-after"), Some("1"));
                    }
                }
            }
            let first_ones = created.iter().filter(|reply| reply.header("idempotency-replayed").is_none()).count();
            assert_eq!(first_ones, 1, "{on:?}: one of them did it");
            assert_eq!((app.stored().await, topics.counts(&app).await), (1, [0, 1, 0]), "{on:?}");
        }
    }
}

#[tokio::test]
async fn while_the_first_runs_the_second_is_told_so() {
    let app = TestApp::memory().await;
    let (token, body) = (writer(1, &[1]), forecast(1, 1, 1));
    app.store.before_commit.close();
    let first = named(&app, &token, "key", &body);
    let second = async {
        app.store.before_commit.reached_by(1).await;
        named(&app, &token, "key", &body).await.problem(409, "IDEMPOTENCY_IN_PROGRESS");
        let other = with(body.clone(), json!({"demand": 1.0}));
        named(&app, &token, "key", &other).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
        app.store.before_commit.open();
    };
    let first = tokio::join!(first, second).0;
    assert_eq!(first.status, 201);
    is_replay(&named(&app, &token, "key", &body).await, &first);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_forgotten_after_24_hours() {
    const DAY_S: u64 = 24 * 60 * 60;
    let app = TestApp::memory().await;
    let (token, body) = (writer(1, &[1]), forecast(1, 1, 1));
    let first = named(&app, &token, "key", &body).await;
    after(DAY_S - 1).await;
    is_replay(&named(&app, &token, "key", &body).await, &first);
    after(1).await;
    named(&app, &token, "key", &body).await.problem(409, "FORECAST_EXISTS");
    let new = named(&app, &token, "key", &forecast(1, 1, 2)).await;
    assert_eq!((new.status.as_u16(), new.header("idempotency-replayed")), (201, None));
}

#[tokio::test]
async fn a_key_has_bounds() {
    let app = TestApp::memory().await;
    let token = writer(1, &[1]);
    let longest = "k".repeat(255);
    for (n, good) in ["k", &longest, "with spaces and ~!@#", "\"quoted\""].into_iter().enumerate() {
        assert_eq!(named(&app, &token, good, &forecast(1, 1, u32::try_from(n).unwrap())).await.status, 201, "{good}");
    }
    let stored = app.stored().await;
    for bad in [b"".to_vec(), "k".repeat(256).into_bytes(), "ключ".as_bytes().to_vec(), b"a\tb".to_vec()] {
        let ask = app.ask("POST", "/api/forecasts").by(&token).with("idempotency-key", &bad);
        assert_eq!(ask.json(&forecast(1, 1, 50)).send().await.fields(), ["Idempotency-Key"], "{bad:?}");
    }
    let twice = app.ask("POST", "/api/forecasts").by(&token).with("idempotency-key", "a").with("idempotency-key", "b");
    assert_eq!(twice.json(&forecast(1, 1, 50)).send().await.fields(), ["Idempotency-Key"], "which one?");
    assert_eq!(app.stored().await, stored);
}

#[tokio::test]
async fn what_failed_is_not_remembered() {
    let app = TestApp::memory().await;
    let (token, body) = (writer(1, &[1]), forecast(1, 1, 1));
    app.store.fail(domain::ports::StoreError::Unavailable(None));
    named(&app, &token, "key", &body).await.problem(503, "UNAVAILABLE");
    app.store.heal();
    named(&app, &token, "key", &json!({})).await.problem(400, "VALIDATION_FAILED");
    assert_eq!(named(&app, &token, "key", &body).await.status, 201);
}

#[tokio::test]
async fn a_batch_is_replayed_too() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let mut topics = Subscribers::of(&app).await;
        let token = writer(1, &[1]);
        let batch = json!({"items": [forecast(1, 1, 1), {"demand": 1}], "notify": true});
        let send =
            || app.ask("POST", "/api/forecasts/batch").by(&token).with("idempotency-key", "b").json(&batch).send();
        let first = send().await;
        assert_eq!((first.status.as_u16(), &first.json()["created"]), (200, &json!(1)));
        is_replay(&send().await, &first);
        assert_eq!(topics.counts(&app).await, [0, 1, 0], "{on:?}");
    }
}
