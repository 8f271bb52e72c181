//! Lists: what evicts them and what does not, whose they are, and how they hang together with single reads.

use std::sync::atomic::Ordering;

use coherence::{Level, Version};
use domain::forecast::{ForecastConfig, ForecastService, SCOPE_IN_KEY_MAX};
use domain::model::ListParams;
use serde_json::json;

use super::harness::{COMPANY, House, TestViews, UNIT, behind, body, caller, caller_of, everyone, patch, with};
use crate::support::uuid;

#[tokio::test(start_paused = true)]
async fn a_list_is_evicted_by_every_change_that_it_could_show() {
    let house = House::new();
    let first = house.create(&body(1, 1.0)).await;
    let list = async || house.list(&caller(), &[("status", "Completed")]).await;
    assert_eq!((list().await, list().await), ((vec![], false), (vec![], true)));
    // One that did not match and was not shown matches now.
    house.patch(first.id, json!({"supply": 3.0})).await.unwrap();
    assert_eq!((list().await, list().await), ((vec![1.0], false), (vec![1.0], true)));
    house.create(&with(body(2, 2.0), json!({"supply": 1.0}))).await;
    assert_eq!(list().await, (vec![2.0, 1.0], false));
    house.service.delete(&caller(), first.id, None).await.unwrap();
    assert_eq!(list().await, (vec![2.0], false));
}

/// Ruling 5: a change evicts no list outside its company and unit.
#[tokio::test(start_paused = true)]
async fn a_list_is_not_evicted_by_changes_elsewhere() {
    let house = House::new();
    let (company, unit) = (uuid(COMPANY).to_string(), uuid(UNIT).to_string());
    house.create(&body(1, 1.0)).await;
    let both = caller_of([COMPANY, COMPANY + 1]);
    let by_unit = async || house.list(&both, &[("productionUnitId", &unit)]).await;
    let by_company = async || house.list(&both, &[("companyId", &company)]).await;
    let by_scope = async || house.list(&both, &[]).await;
    let all = async || house.list(&everyone(), &[]).await;
    by_unit().await;
    by_company().await;
    by_scope().await;
    all().await;
    // Another unit of the same company.
    let other_unit = with(body(2, 2.0), json!({"productionUnitId": uuid(UNIT + 1).to_string()}));
    house.create(&other_unit).await;
    assert!(by_unit().await.1, "the unit's list stays");
    assert_eq!((by_company().await, by_scope().await.1, all().await.1), ((vec![2.0, 1.0], false), false, false));
    // Another company, which `both` sees and `caller` does not.
    by_company().await;
    let elsewhere = with(other_unit, json!({"companyId": uuid(COMPANY + 1).to_string()}));
    house.service.create(&both, super::harness::request(&elsewhere), None).await.unwrap();
    assert!(by_unit().await.1 && by_company().await.1);
    assert_eq!((by_scope().await.1, all().await.1), (false, false));
}

/// A forecast that moves evicts the lists of the place it leaves and of the place it comes to.
#[tokio::test(start_paused = true)]
async fn a_move_evicts_the_lists_of_both_places() {
    let house = House::new();
    let created = house.create(&body(1, 1.0)).await;
    let (from, to) = (uuid(UNIT).to_string(), uuid(UNIT + 1).to_string());
    let at = async |unit: String| house.list(&caller(), &[("productionUnitId", &unit)]).await;
    assert_eq!((at(from.clone()).await.0, at(to.clone()).await.0), (vec![1.0], vec![]));
    house.patch(created.id, json!({"productionUnitId": to})).await.unwrap();
    assert_eq!((at(from).await, at(to).await), ((vec![], false), (vec![1.0], false)));
}

/// Ruling 16: the key of a list names the scope.
#[tokio::test(start_paused = true)]
async fn two_companies_with_one_url_never_see_each_others_list() {
    let house = House::new();
    house.create(&body(1, 1.0)).await;
    let elsewhere = with(body(1, 2.0), json!({"companyId": uuid(COMPANY + 1).to_string()}));
    house.service.create(&caller_of([COMPANY + 1]), super::harness::request(&elsewhere), None).await.unwrap();
    for hit in [false, true] {
        assert_eq!(house.list(&caller_of([COMPANY]), &[]).await, (vec![1.0], hit));
        assert_eq!(house.list(&caller_of([COMPANY + 1]), &[]).await, (vec![2.0], hit));
        assert_eq!(house.list(&caller_of([]), &[]).await, (vec![], hit));
        assert_eq!(house.list(&caller_of([COMPANY, COMPANY + 1]), &[]).await.0.len(), 2);
        // Scopes too long to be spelt out in a key.
        let many = u128::try_from(SCOPE_IN_KEY_MAX).unwrap();
        assert_eq!(house.list(&caller_of(COMPANY..=COMPANY + many), &[]).await.0.len(), 2);
        assert_eq!(house.list(&caller_of(COMPANY + 1..=COMPANY + 1 + many), &[]).await, (vec![2.0], hit));
    }
}

/// What a list showed is a floor: L1's older copy is not answered afterwards.
#[tokio::test(start_paused = true)]
async fn a_list_that_shows_a_newer_version_outdates_the_single_one() {
    let house = House::new();
    let created = house.create(&body(1, 1.0)).await;
    assert_eq!(house.demand(created.id).await, 1.0);
    let mut other = created.clone().revised(&created, created.updated_at);
    other.demand = 9.0;
    behind(&house.store.inner, other).await;
    assert_eq!(house.get(created.id).await.level, Level::L1, "nobody told the cache");
    assert_eq!(house.list(&caller(), &[]).await, (vec![9.0], false));
    assert_eq!(house.demand(created.id).await, 9.0);
}

/// And the other way round: a list is not older than what a single read showed.
#[tokio::test(start_paused = true)]
async fn a_single_read_outdates_a_list_that_shows_less() {
    let house = House::new();
    let created = house.create(&body(1, 1.0)).await;
    assert_eq!(house.list(&caller(), &[]).await, (vec![1.0], false));
    let mut other = created.clone().revised(&created, created.updated_at);
    other.demand = 9.0;
    behind(&house.store.inner, other).await;
    assert_eq!(house.demand(created.id).await, 9.0);
    assert_eq!(house.list(&caller(), &[]).await, (vec![9.0], false));
}

#[tokio::test(start_paused = true)]
async fn pages_follow_each_other_by_cursor_and_by_skip() {
    let house = House::new();
    for day in 1..=5 {
        house.create(&body(day, f64::from(day))).await;
    }
    let mut cursor: Option<String> = None;
    let mut seen = Vec::new();
    for page in 0..3 {
        let mut query = vec![("take", "2".to_owned())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let params = ListParams::from_query(query).unwrap();
        let view = house.service.list(&caller(), &params).await.unwrap().view;
        assert_eq!(view.total, 5);
        seen.extend(view.items.iter().map(|item| item.demand));
        cursor = view.next.clone();
        assert_eq!(cursor.is_some(), page < 2);
    }
    assert_eq!(seen, [5.0, 4.0, 3.0, 2.0, 1.0]);
    assert_eq!(house.list(&caller(), &[("skip", "4"), ("take", "2")]).await.0, [1.0]);
    assert_eq!(house.list(&caller(), &[("skip", "5")]).await.0, [] as [f64; 0]);
    let between = [("from", "2025-11-02T00:00:00Z"), ("to", "2025-11-04T00:00:00Z")];
    assert_eq!(house.list(&caller(), &between).await.0, [3.0, 2.0], "from is in, to is not");
    assert_eq!(house.store.lists.load(Ordering::SeqCst), 6);
}

/// A patch whose answer was lost, and that is sent once more to another instance, which has not heard of it: it changes
/// nothing there, and the caller's next list shows it all the same.
#[tokio::test(start_paused = true)]
async fn a_write_that_was_done_already_shows_in_lists() {
    let house = House::new();
    let first = house.create(&body(1, 1.0)).await;
    let list = async || house.list(&caller(), &[("status", "Completed")]).await;
    assert_eq!((list().await, list().await), ((vec![], false), (vec![], true)));
    let change = json!({"supply": 3.0});
    let other = ForecastService::new(ForecastConfig::default(), house.ports.clone(), TestViews);
    other.patch(&caller(), first.id, patch(&change), None).await.unwrap();
    assert_eq!(list().await, (vec![], true), "nobody told this one");
    house.patch(first.id, change).await.unwrap();
    assert_eq!(list().await, (vec![1.0], false));
}

/// The same where this instance has read the new version meanwhile. A read raises the floor, and outdates no list that does
/// not show the forecast (seed 429 of the simulation).
#[tokio::test(start_paused = true)]
async fn a_write_that_was_done_already_and_read_shows_in_lists() {
    let house = House::new();
    let first = house.create(&body(1, 1.0)).await;
    let (mine, root) = (caller(), everyone());
    let list = async |caller| house.list(caller, &[("status", "Completed")]).await;
    for caller in [&mine, &root] {
        assert_eq!((list(caller).await, list(caller).await), ((vec![], false), (vec![], true)));
    }
    let change = json!({"supply": 3.0});
    let other = ForecastService::new(ForecastConfig::default(), house.ports.clone(), TestViews);
    other.patch(&mine, first.id, patch(&change), None).await.unwrap();
    let second = Version::new(1, 2);
    assert_eq!(house.service.get(&mine, first.id, Some(second)).await.unwrap().version, second);
    assert_eq!(list(&mine).await, (vec![], true), "nobody told this one");
    house.patch(first.id, change.clone()).await.unwrap();
    for caller in [&mine, &root] {
        assert_eq!(list(caller).await, (vec![1.0], false), "of a company, and of all");
    }
    // It was told of its own changes: such a repetition outdates nothing.
    let third = json!({"demand": 2.0});
    house.patch(first.id, third.clone()).await.unwrap();
    assert_eq!(list(&mine).await, (vec![2.0], false));
    house.patch(first.id, third).await.unwrap();
    assert_eq!(list(&mine).await, (vec![2.0], true));
}
