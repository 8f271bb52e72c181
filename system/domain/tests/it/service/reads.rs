//! Reading one forecast: tiers, scope, absence.

use std::sync::atomic::Ordering;
use std::time::Duration;

use coherence::{Level, ReadOptions, Version};
use domain::forecast::{ForecastConfig, ServiceError};
use domain::model::{ForecastId, forecast_key};

use super::harness::{COMPANY, House, behind, body, caller, caller_of, everyone};
use crate::support::uuid;

#[tokio::test(start_paused = true)]
async fn a_forecast_is_read_once_and_then_found_in_each_tier() {
    let house = House::new();
    let created = house.create(&body(1, 5.0)).await;
    let (key, cache) = (forecast_key(created.id), house.service.caches().cache());
    for (prepare, level) in [(0, Level::L4), (0, Level::L1), (1, Level::L2), (2, Level::L3), (0, Level::L1)] {
        if prepare >= 1 {
            cache.drop_l1(&key);
        }
        if prepare == 2 {
            cache.drop_l2(&key);
        }
        let answer = house.get(created.id).await;
        assert_eq!(answer.level, level);
        assert_eq!(answer.version, Version::new(1, 1));
        assert_eq!(answer.view.as_deref(), Some(&created));
    }
    assert_eq!(house.store.reads.load(Ordering::SeqCst), 1);
}

/// Without the comparison at the hit the second caller would get what the first one cached (ruling 16).
#[tokio::test(start_paused = true)]
async fn outside_the_scope_there_is_no_forecast_cached_or_not() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    for _ in 0..2 {
        let foreign = house.service.get(&caller_of([COMPANY + 1]), id, None).await;
        assert!(matches!(foreign, Err(ServiceError::NotFound)), "{foreign:?}");
        assert!(house.service.get(&caller(), id, None).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn an_absence_is_remembered_and_a_deletion_is_seen_at_once() {
    let house = House::new();
    let nobody = ForecastId(uuid(99));
    for _ in 0..3 {
        assert!(matches!(house.service.get(&caller(), nobody, None).await, Err(ServiceError::NotFound)));
    }
    assert_eq!(house.store.reads.load(Ordering::SeqCst), 1);
    let id = house.create(&body(1, 5.0)).await.id;
    house.get(id).await;
    house.service.delete(&caller(), id, None).await.unwrap();
    assert!(matches!(house.service.get(&caller(), id, None).await, Err(ServiceError::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn a_minimum_version_is_reached_or_refused() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    house.get(id).await;
    let asked = async |version| house.service.get(&everyone(), id, Some(version)).await;
    let mut held = asked(Version::new(1, 1)).await.unwrap();
    assert_eq!(held.level, Level::L1);
    let refused = asked(Version::new(1, 2)).await;
    assert!(matches!(refused, Err(ServiceError::BelowMinimum { actual }) if actual == Version::new(1, 1)));
    let row = (*held.view.take().unwrap()).clone();
    behind(&house.store.inner, row.clone().revised(&row, row.updated_at)).await;
    assert_eq!(asked(Version::new(1, 2)).await.unwrap().level, Level::L4, "the cached one is below");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_says_so() {
    let house = House::new();
    let id = house.create(&body(1, 5.0)).await.id;
    house.store.down.store(true, Ordering::SeqCst);
    let result = house.service.get(&caller(), id, None).await;
    assert!(matches!(&result, Err(error @ ServiceError::Unavailable(Some(_))) if error.is_retryable()), "{result:?}");
}

/// Without a mark a client would take it for what the store says now: found by seed 45 of the simulation.
#[tokio::test(start_paused = true)]
async fn an_absence_from_before_the_store_was_lost_is_marked_as_stale() {
    let house = House::new();
    let stale = |max| ReadOptions { max_stale: Some(Duration::from_secs(max)), ..ReadOptions::default() };
    let service = house.sibling_with(ForecastConfig { read: stale(60), ..ForecastConfig::default() });
    let nobody = ForecastId(uuid(99));
    assert!(matches!(service.get(&caller(), nobody, None).await, Err(ServiceError::NotFound)));
    house.store.down.store(true, Ordering::SeqCst);
    // Longer than an absence lives.
    tokio::time::advance(Duration::from_secs(30)).await;
    let result = service.get(&caller(), nobody, None).await;
    assert!(matches!(result, Err(ServiceError::NotFoundStale)), "{result:?}");
}
