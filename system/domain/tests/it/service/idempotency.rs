//! `Idempotency-Key`: once, whatever happens; in one process and across two.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use domain::forecast::{
    Answered, BatchOutcome, Caller, IDEMPOTENCY_RESPONSE_BYTES_MAX, IdempotencyRequest, Saved, ServiceError,
};
use domain::model::{BatchRequest, UserId};
use domain::ports::Topic;
use serde_json::json;

use super::harness::{House, body, caller, request};
use crate::support::uuid;

fn named(key: &str, body: &str) -> Option<IdempotencyRequest<Saved>> {
    let respond = |saved: &Saved| Bytes::from(format!("{} at {}", saved.forecast.id, saved.version));
    let fingerprint = IdempotencyRequest::<Saved>::fingerprint("POST /api/forecasts", body.as_bytes());
    Some(IdempotencyRequest { key: key.to_owned(), fingerprint, respond: Arc::new(respond) })
}

fn now(answer: Result<Answered<Saved>, ServiceError>) -> Bytes {
    match answer.unwrap() {
        Answered::Now(saved) => Bytes::from(format!("{} at {}", saved.forecast.id, saved.version)),
        Answered::Before(_) => panic!("it was done before"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_gets_its_first_response_and_writes_nothing() {
    let house = House::new();
    let create = |service: domain::forecast::ForecastService<_>| async move {
        service.create(&caller(), request(&body(1, 5.0)), named("k", "a")).await
    };
    let first = now(create(house.service.clone()).await);
    for service in [house.service.clone(), house.sibling()] {
        assert_eq!(create(service).await.unwrap(), Answered::Before(first.clone()));
    }
    assert_eq!(house.events(Topic::ForecastInvalidation).await.len(), 1);
    let other = house.service.create(&caller(), request(&body(2, 5.0)), named("k", "b")).await;
    assert!(matches!(other, Err(ServiceError::IdempotencyMismatch)));
    // Keys are each caller's own.
    let somebody = Caller { user: UserId(uuid(6)), ..caller() };
    now(house.service.create(&somebody, request(&body(2, 5.0)), named("k", "b")).await);
    // And are forgotten after a day.
    tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
    now(house.service.create(&caller(), request(&body(3, 5.0)), named("k", "b")).await);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_worked_on_a_repetition_is_told_so() {
    let house = House::new();
    house.store.gated.store(true, Ordering::SeqCst);
    let service = house.service.clone();
    let first = tokio::spawn(async move { service.create(&caller(), request(&body(1, 5.0)), named("k", "a")).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let again = async |body_text| {
        let caller = caller();
        let repetition = house.service.create(&caller, request(&body(1, 5.0)), named("k", body_text));
        tokio::time::timeout(Duration::from_secs(1), repetition).await.expect("it is told, and does not wait")
    };
    assert!(matches!(again("a").await, Err(ServiceError::IdempotencyInProgress)));
    assert!(matches!(again("b").await, Err(ServiceError::IdempotencyMismatch)));
    house.store.gate.add_permits(1);
    let first = now(first.await.unwrap());
    assert_eq!(again("a").await.unwrap(), Answered::Before(first));
}

/// Two instances: the record is written in the same transaction, so only one of them can commit.
#[tokio::test(start_paused = true)]
async fn of_two_instances_one_writes_and_the_other_answers_the_same() {
    for same_day in [true, false] {
        let house = House::new();
        house.store.gated.store(true, Ordering::SeqCst);
        let run = |service: domain::forecast::ForecastService<_>, day| {
            tokio::spawn(async move { service.create(&caller(), request(&body(day, 5.0)), named("k", "a")).await })
        };
        // The second day stands for a race that the natural key does not decide.
        let tasks = [run(house.service.clone(), 1), run(house.sibling(), if same_day { 1 } else { 2 })];
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(house.store.commits.lock().unwrap().len(), 2, "both are about to commit");
        house.store.gate.add_permits(2);
        let [one, two] = tasks;
        let (first, second) = match (one.await.unwrap(), two.await.unwrap()) {
            (before @ Ok(Answered::Before(_)), done) | (done, before) => (now(done), before),
        };
        assert_eq!(second.unwrap(), Answered::Before(first));
        assert_eq!(house.events(Topic::ForecastInvalidation).await.len(), 1);
    }
}

/// The other instance commits between this one's look for a kept answer and its look for the natural key: what it finds
/// there is its own request's forecast, not somebody else's.
#[tokio::test(start_paused = true)]
async fn a_forecast_that_the_same_request_made_elsewhere_is_no_conflict() {
    let house = House::new();
    house.store.lookup_ms.store(100, Ordering::SeqCst);
    let slow = house.sibling();
    let slow = tokio::spawn(async move { slow.create(&caller(), request(&body(1, 5.0)), named("k", "a")).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    house.store.lookup_ms.store(0, Ordering::SeqCst);
    let first = now(house.service.create(&caller(), request(&body(1, 5.0)), named("k", "a")).await);
    assert_eq!(slow.await.unwrap().unwrap(), Answered::Before(first));
}

/// A failure is not kept: the same key may try again.
#[tokio::test(start_paused = true)]
async fn what_failed_may_be_tried_again_under_the_same_key() {
    let house = House::new();
    house.store.down.store(true, Ordering::SeqCst);
    let create = async || house.service.create(&caller(), request(&body(1, 5.0)), named("k", "a")).await;
    assert!(matches!(create().await, Err(ServiceError::Unavailable(_))));
    house.store.down.store(false, Ordering::SeqCst);
    // A commit whose outcome is unknown took effect: the repetition finds out.
    house.store.forgets_to_answer.store(true, Ordering::SeqCst);
    assert!(matches!(create().await, Err(ServiceError::Unavailable(_))));
    house.store.forgets_to_answer.store(false, Ordering::SeqCst);
    assert!(matches!(create().await.unwrap(), Answered::Before(_)));
    assert_eq!(house.events(Topic::ForecastInvalidation).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_has_bounds() {
    let house = House::new();
    for key in ["", "ä", "a\nb", &"x".repeat(256)] {
        let result = house.service.create(&caller(), request(&body(1, 5.0)), named(key, "a")).await;
        assert!(matches!(result, Err(ServiceError::Invalid(errors)) if errors[0].field == "Idempotency-Key"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_kept_if_it_changed_something_and_its_answer_is_not_too_long() {
    let house = House::new();
    let run = |key: &str, answer_bytes: usize, items: Vec<serde_json::Value>| {
        let text = json!({"items": items}).to_string();
        let respond = move |_: &BatchOutcome| Bytes::from(vec![b'x'; answer_bytes]);
        let named = IdempotencyRequest { key: key.to_owned(), fingerprint: 1, respond: Arc::new(respond) };
        let service = house.service.clone();
        async move { service.batch(&caller(), BatchRequest::from_json(text.as_bytes()).unwrap(), Some(named)).await }
    };
    let max = IDEMPOTENCY_RESPONSE_BYTES_MAX;
    for items in [vec![], vec![json!({})]] {
        for _ in 0..2 {
            assert!(matches!(run("nothing", 7, items.clone()).await.unwrap(), Answered::Now(_)), "nothing to repeat");
        }
    }
    assert!(matches!(run("short", max, vec![body(1, 5.0)]).await.unwrap(), Answered::Now(_)));
    assert!(matches!(run("short", max, vec![body(1, 5.0)]).await.unwrap(), Answered::Before(_)));
    for _ in 0..2 {
        assert!(matches!(run("long", max + 1, vec![body(2, 5.0)]).await.unwrap(), Answered::Now(_)), "done, not kept");
    }
    assert_eq!(house.events(Topic::ForecastInvalidation).await.len(), 2);
}
