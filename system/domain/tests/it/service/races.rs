//! What can come between a write and its answer. Each test names the mechanism without which it fails.

use std::sync::atomic::Ordering;
use std::time::Duration;

use coherence::{Level, Version};
use domain::forecast::{ATTEMPTS_MAX, ServiceError};
use futures_util::future::join_all;
use serde_json::json;

use super::harness::{House, behind, body, caller, patch, request};

/// Own writes: the caches are told before the write answers.
#[tokio::test(start_paused = true)]
async fn a_writer_reads_its_own_write() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    assert_eq!((house.get(id).await.level, house.get(id).await.level), (Level::L4, Level::L1));
    let saved = house.patch(id, json!({"demand": 6.0})).await.unwrap();
    let answer = house.get(id).await;
    assert_eq!((answer.level, answer.version), (Level::L4, saved.version), "L1, L2 and L3 were dropped");
    assert_eq!(answer.view.unwrap().demand, 6.0);
}

/// The shared tier is told too: a sibling without the row in L1 or L2 must not find the old value in L3.
#[tokio::test(start_paused = true)]
async fn a_write_takes_the_old_value_out_of_the_shared_tier() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    house.get(id).await;
    let sibling = house.sibling();
    house.patch(id, json!({"demand": 6.0})).await.unwrap();
    assert_eq!(sibling.get(&caller(), id, None).await.unwrap().view.unwrap().demand, 6.0);
}

/// Updates read the row from L4: with the cached row as the start, the other writer's demand would be lost.
#[tokio::test(start_paused = true)]
async fn an_update_starts_from_the_store_not_from_a_cache() {
    let house = House::new();
    let created = house.create(&body(1, 5.0)).await;
    house.get(created.id).await;
    let mut other = created.clone().revised(&created, created.updated_at);
    other.demand = 9.0;
    behind(&house.store.inner, other).await;
    let saved = house.patch(created.id, json!({"confidence": 0.5})).await.unwrap().forecast;
    assert_eq!((saved.demand, saved.confidence_level, saved.version_id.0), (9.0, 0.5, 3));
}

/// The expected version: a rival's write between read and commit is not overwritten; the write reads again.
#[tokio::test(start_paused = true)]
async fn an_outrun_update_reads_again_and_gives_up_in_the_end() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    house.store.rivals.store(3, Ordering::SeqCst);
    let saved = house.patch(id, json!({"confidence": 0.5})).await.unwrap().forecast;
    assert_eq!((saved.demand, saved.confidence_level), (8.0, 0.5), "three rivals added one each");
    house.store.rivals.store(u32::MAX, Ordering::SeqCst);
    let commits = || house.store.commits.lock().unwrap().len();
    let before = commits();
    let result = house.patch(id, json!({"confidence": 0.6})).await;
    assert!(matches!(&result, Err(error @ ServiceError::Contended) if error.is_retryable()));
    assert_eq!(commits() - before, usize::try_from(ATTEMPTS_MAX).unwrap());
}

/// Writers of one forecast queue up: without that, the slowest of so many would run out of attempts.
#[tokio::test(start_paused = true)]
async fn a_hundred_writers_of_one_forecast_all_succeed() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    house.store.commit_ms.store(20, Ordering::SeqCst);
    let writes = (0..100).map(|number| house.patch(id, json!({"demand": 1000 + number})));
    for result in join_all(writes).await {
        result.unwrap();
    }
    assert_eq!(house.get(id).await.version.id.0, 101);
}

/// Detached writes: the client hangs up while the commit runs; the caches are told all the same.
#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_does_not_skip_the_invalidation() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    assert_eq!(house.demand(id).await, 5.0);
    house.store.gated.store(true, Ordering::SeqCst);
    let impatient = tokio::time::timeout(Duration::from_millis(10), house.patch(id, json!({"demand": 6.0}))).await;
    assert!(impatient.is_err(), "it hung up before the commit ended");
    assert_eq!(house.demand(id).await, 5.0);
    house.store.gate.add_permits(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(house.demand(id).await, 6.0);
}

/// A commit without an answer may have taken effect: every tier forgets, so the next read asks the store.
#[tokio::test(start_paused = true)]
async fn a_commit_of_unknown_outcome_is_looked_up() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    assert_eq!(house.demand(id).await, 5.0);
    assert_eq!(house.list(&caller(), &[]).await, (vec![5.0], false));
    house.store.forgets_to_answer.store(true, Ordering::SeqCst);
    let result = house.patch(id, json!({"demand": 6.0})).await;
    assert!(matches!(result, Err(ServiceError::Unavailable(_))));
    assert_eq!(house.demand(id).await, 6.0);
    assert_eq!(house.list(&caller(), &[]).await, (vec![6.0], false));
}

/// A failing shared tier fails no write, and what it still holds is not shown: the floor keeps it out.
#[tokio::test(start_paused = true)]
async fn a_shared_tier_that_is_down_fails_no_write_and_shows_nothing_old_later() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    house.get(id).await;
    house.shared.down.store(true, Ordering::SeqCst);
    house.patch(id, json!({"demand": 6.0})).await.unwrap();
    assert!(house.service.caches().cache().stats().shared_errors > 0, "it is counted");
    house.shared.down.store(false, Ordering::SeqCst);
    assert_eq!(house.demand(id).await, 6.0, "L3 still holds 5.0");
}

#[tokio::test(start_paused = true)]
async fn a_drained_service_has_ended_its_writes_and_takes_no_more() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    house.store.gated.store(true, Ordering::SeqCst);
    let service = house.service.clone();
    let change = patch(&json!({"demand": 6.0}));
    let write = tokio::spawn(async move { service.patch(&caller(), id, change, None).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let drain = tokio::time::timeout(Duration::from_millis(10), house.service.drain()).await;
    assert!(drain.is_err(), "a write is running");
    house.store.gate.add_permits(1);
    house.service.drain().await;
    assert_eq!(write.await.unwrap().unwrap().version, Version::new(1, 2));
    let refused = house.service.create(&caller(), request(&body(2, 1.0)), None).await;
    assert!(matches!(refused, Err(ServiceError::Busy)));
}
