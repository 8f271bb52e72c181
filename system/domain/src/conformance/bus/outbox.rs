//! Commits and their events. Without a store on the bus there is nothing to test.

use super::{BusHarness, TOPIC, exclusive, expect, expect_nothing, join, shared};
use crate::conformance::samples::{changed, event, put, row, set};
use crate::ports::{Subscription, Topic};

/// Each topic in the order of the set, and of the commits; also when the adapter is opened anew before anybody looks.
pub async fn the_events_of_a_commit_arrive_once_in_order(harness: &mut dyn BusHarness) {
    const COMMITS: u32 = 20;
    let Some(store) = harness.store() else { return };
    let invalidation = || Subscription { topic: Topic::ForecastInvalidation, ..exclusive("i") };
    let mut updated = join(&*harness.bus(), shared("u")).await;
    let mut invalidated = join(&*harness.bus(), invalidation()).await;
    for n in 1..=COMMITS {
        let mut set = set(&*store, vec![put(&row(n))]).await;
        set.outbox.push(event(TOPIC, &format!("{n}u1")));
        set.outbox.push(event(Topic::ForecastInvalidation, &format!("{n}i")));
        set.outbox.push(event(TOPIC, &format!("{n}u2")));
        store.commit(set).await.unwrap();
        if n == COMMITS / 2 {
            for n in 1..=n {
                expect(&mut updated, &[&format!("{n}u1"), &format!("{n}u2")]).await;
                expect(&mut invalidated, &[&format!("{n}i")]).await;
            }
        }
    }
    drop((updated, invalidated, store));
    harness.reopen().await;
    let mut updated = join(&*harness.bus(), shared("u")).await;
    let mut invalidated = join(&*harness.bus(), invalidation()).await;
    for n in COMMITS / 2 + 1..=COMMITS {
        expect(&mut updated, &[&format!("{n}u1"), &format!("{n}u2")]).await;
        expect(&mut invalidated, &[&format!("{n}i")]).await;
    }
    expect_nothing(&mut updated).await;
    expect_nothing(&mut invalidated).await;
}

/// Whether it failed before or while it wrote.
pub async fn the_events_of_a_commit_that_failed_do_not_arrive(harness: &mut dyn BusHarness) {
    let Some(store) = harness.store() else { return };
    let mut consumer = join(&*harness.bus(), shared("s")).await;
    let taken = crate::model::Forecast { forecast_date: row(1).forecast_date, ..row(2) };
    for (n, rows) in [
        vec![put(&row(1))],
        vec![put(&row(1))],
        vec![put(&taken)],
        vec![put(&changed(&row(1), |row| row.demand = 1.0))],
    ]
    .into_iter()
    .enumerate()
    {
        let mut set = set(&*store, rows).await;
        set.outbox.push(event(TOPIC, &n.to_string()));
        let committed = store.commit(set).await;
        assert_eq!(committed.is_ok(), [0, 3].contains(&n), "{n}: {committed:?}");
    }
    expect(&mut consumer, &["0", "3"]).await;
    expect_nothing(&mut consumer).await;
}
