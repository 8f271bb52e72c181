//! Many forecasts in one transaction.

use std::sync::atomic::Ordering;

use domain::forecast::{Answered, BatchItem, Caller, ServiceError};
use domain::model::{BatchRequest, Status};
use domain::ports::Topic;
use serde_json::{Value, json};

use super::harness::{COMPANY, House, body, caller, with};
use crate::support::uuid;

async fn run(house: &House, request: Value) -> Vec<BatchItem> {
    let request = BatchRequest::from_json(request.to_string().as_bytes()).unwrap();
    match house.service.batch(&caller(), request, None).await.unwrap() {
        Answered::Now(outcome) => outcome.items,
        Answered::Before(_) => panic!("nothing was named"),
    }
}

fn names(items: &[BatchItem]) -> Vec<&'static str> {
    let name = |item: &BatchItem| match item {
        BatchItem::Created(_) => "created",
        BatchItem::Updated(_) => "updated",
        BatchItem::Unchanged(_) => "unchanged",
        BatchItem::Invalid(_) => "invalid",
    };
    items.iter().map(name).collect()
}

fn field(item: &BatchItem) -> &str {
    match item {
        BatchItem::Invalid(errors) => &errors[0].field,
        other => panic!("{other:?} is valid"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_item_has_its_result_and_a_second_run_changes_nothing() {
    let house = House::new();
    house.create(&body(1, 1.0)).await;
    house.create(&body(2, 2.0)).await;
    let items = json!([
        body(1, 9.0),
        body(2, 2.0),
        body(3, 3.0),
        with(body(4, 4.0), json!({"demand": -1})),
        body(3, 5.0),
        with(body(5, 5.0), json!({"companyId": uuid(COMPANY + 1).to_string()})),
        with(body(6, 6.0), json!({"supply": 7})),
    ]);
    let results = run(&house, json!({"items": items})).await;
    assert_eq!(names(&results), ["updated", "unchanged", "created", "invalid", "invalid", "invalid", "created"]);
    assert_eq!([field(&results[3]), field(&results[4]), field(&results[5])], ["demand", "forecastDate", "companyId"]);
    assert_eq!(house.store.commits.lock().unwrap().len(), 3, "one transaction");
    assert_eq!(house.events(Topic::ForecastUpdated).await.len(), 1);
    let invalidations = house.events(Topic::ForecastInvalidation).await;
    let reasons: Vec<&str> = invalidations[2..].iter().map(|event| event["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["DataUpdated", "DataCreated", "DataCreated"]);

    let again =
        run(&house, json!({"items": [body(1, 9.0), body(3, 3.0), with(body(6, 6.0), json!({"supply": 7}))]})).await;
    assert_eq!(names(&again), ["unchanged"; 3]);
    assert_eq!(house.store.commits.lock().unwrap().len(), 3, "nothing to write");
}

/// An import alerts nobody.
#[tokio::test(start_paused = true)]
async fn completion_is_announced_only_on_request() {
    let house = House::new();
    let done = |day, supply| with(body(day, 1.0), json!({"supply": supply}));
    run(&house, json!({"items": [done(1, 1.0), body(2, 1.0)]})).await;
    assert!(house.events(Topic::ForecastCompleted).await.is_empty());
    run(&house, json!({"items": [done(1, 2.0), done(2, 2.0), done(3, 2.0)], "notify": true})).await;
    assert_eq!(house.events(Topic::ForecastCompleted).await.len(), 2, "the first was Completed before");
}

/// What an item does not name stays: a feed without supplies does not erase them.
#[tokio::test(start_paused = true)]
async fn an_existing_forecast_keeps_what_the_item_does_not_name() {
    let house = House::new();
    let created = house.create(&with(body(1, 1.0), json!({"supply": 2.0, "tags": ["critical"]}))).await;
    run(&house, json!({"items": [body(1, 3.0)]})).await;
    let after = house.get(created.id).await.view.unwrap();
    assert_eq!((after.demand, after.supply, after.tags.len(), after.status), (3.0, Some(2.0), 1, Status::Completed));
    run(&house, json!({"items": [with(body(1, 3.0), json!({"supply": null}))]})).await;
    let after = house.get(created.id).await.view.unwrap();
    assert_eq!((after.supply, after.status), (None, Status::Pending));
}

#[tokio::test(start_paused = true)]
async fn caches_and_lists_are_told_of_every_item() {
    let house = House::new();
    let created = house.create(&body(1, 1.0)).await;
    assert_eq!(house.demand(created.id).await, 1.0);
    assert_eq!(house.list(&caller(), &[]).await, (vec![1.0], false));
    run(&house, json!({"items": [body(1, 9.0), body(2, 2.0)]})).await;
    assert_eq!(house.demand(created.id).await, 9.0);
    assert_eq!(house.list(&caller(), &[]).await, (vec![2.0, 9.0], false));
}

#[tokio::test(start_paused = true)]
async fn an_outrun_batch_starts_again_and_gives_up_in_the_end() {
    let house = House::new();
    let created = house.create(&body(1, 1.0)).await;
    house.store.rivals.store(2, Ordering::SeqCst);
    let item = with(body(1, 1.0), json!({"confidence": 0.5}));
    let results = run(&house, json!({"items": [item.clone(), body(2, 2.0)]})).await;
    assert_eq!(names(&results), ["updated", "created"]);
    let after = house.get(created.id).await;
    assert_eq!((after.version.id.0, after.view.unwrap().confidence_level), (4, 0.5));
    house.store.rivals.store(u32::MAX, Ordering::SeqCst);
    let request = BatchRequest::from_json(json!({"items": [body(1, 7.0)]}).to_string().as_bytes()).unwrap();
    assert!(matches!(house.service.batch(&caller(), request, None).await, Err(ServiceError::Contended)));
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_not_send_a_batch() {
    let house = House::new();
    let reader = Caller { roles: Default::default(), ..caller() };
    let request = BatchRequest::from_json(br#"{"items": []}"#).unwrap();
    assert!(matches!(house.service.batch(&reader, request, None).await, Err(ServiceError::MissingRole(_))));
}
