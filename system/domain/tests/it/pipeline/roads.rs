//! Each road alone converges; what another program or an operator says is understood.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use coherence::{Backplane, FillToken, Incarnation, Level, SharedLookup, SharedTier, Version, VersionId};
use domain::event::{CacheInvalidation, Event, ForecastUpdated, Reason};
use domain::model::{Forecast, all_forecasts_tag, forecast_key};
use domain::ports::{Bus, Outgoing, Topic};
use serde_json::json;

use super::cluster::{Cluster, Part, ms, pause};
use crate::service::harness::{UNIT, body, caller};
use crate::support::uuid;

#[tokio::test(start_paused = true)]
async fn without_the_invalidation_road_the_change_feed_alone_converges_lists_included() {
    let mut cluster = Cluster::new(3).await;
    for node in &mut cluster.nodes {
        node.stop(Part::Invalidation).await;
        node.stop(Part::Updated).await;
    }
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    let unit = uuid(UNIT).to_string();
    for query in [&[][..], &[("productionUnitId", unit.as_str())][..]] {
        for node in &cluster.nodes {
            node.list(query).await;
            assert_eq!(node.list(query).await, (vec![5.0], true));
        }
    }
    for node in &cluster.nodes {
        node.list_everything().await;
        assert_eq!(node.list_everything().await, (vec![5.0], true));
    }
    let version = cluster.nodes[0].patch(created.id, json!({"demand": 6.0})).await;
    pause(100).await;
    for node in &cluster.nodes {
        assert_eq!(node.tracked(created.id).await, Some(version));
        assert_eq!(node.list_everything().await.0, vec![6.0]);
    }
    // Nothing that a list shows changes: only the tag of all forecasts tells.
    let another = cluster.nodes[0].create(&body(2, 1.0)).await;
    pause(100).await;
    for node in &cluster.nodes {
        assert_eq!(node.list_everything().await.0, vec![1.0, 6.0]);
    }
    cluster.nodes[0].service.delete(&caller(), another.id, None).await.unwrap();
    pause(100).await;
    for node in &cluster.nodes {
        assert_eq!(node.list_everything().await.0, vec![6.0]);
        assert_eq!(node.list(&[]).await.0, vec![6.0]);
        assert_eq!(node.list(&[("productionUnitId", &unit)]).await.0, vec![6.0]);
    }
    cluster.assert_converged(&[created.id]).await;
}

#[tokio::test(start_paused = true)]
async fn without_the_change_feed_invalidations_alone_converge() {
    let mut cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    for node in &cluster.nodes {
        node.list(&[]).await;
    }
    for node in &mut cluster.nodes {
        node.stop(Part::Tracker).await;
    }
    let version = cluster.nodes[0].patch(created.id, json!({"demand": 6.0})).await;
    pause(20).await;
    assert!(cluster.all_trusted(), "the leases last for a while yet");
    for node in &cluster.nodes {
        assert_eq!(node.read(created.id).await.1, version);
        assert_eq!(node.list(&[]).await.0, vec![6.0]);
    }
    let version = cluster.nodes[1].patch(created.id, json!({"demand": 7.0})).await;
    pause(5_000).await;
    assert_eq!(cluster.nodes[0].read(created.id).await, (Some(7.0), version, Level::L4));
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_without_a_version_is_a_barrier_everywhere() {
    let mut cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    // So that nothing but the event can tell.
    for node in &mut cluster.nodes {
        node.stop(Part::Tracker).await;
    }
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    let payload = json!({"entityId": created.id, "tags": ["unit:x"], "timestamp": "2025-11-12T10:30:00Z"}).to_string();
    let message = Outgoing { key: "x".to_owned(), payload: Bytes::from(payload), properties: Default::default() };
    cluster.bus.publish(Topic::ForecastInvalidation, message).await.unwrap();
    pause(20).await;
    assert!(cluster.all_trusted());
    cluster.assert_converged(&[created.id]).await;
}

/// What is quick must not wait for what is slow: the floors of this instance rise, whatever the shared tier does.
#[tokio::test(start_paused = true)]
async fn a_shared_tier_that_hangs_holds_up_no_invalidation() {
    let mut cluster = Cluster::new(1).await;
    let mut rows = Vec::new();
    for day in 1..20 {
        rows.push(cluster.nodes[0].create(&body(day, 5.0)).await);
    }
    pause(100).await;
    cluster.nodes[0].stop(Part::Tracker).await;
    cluster.shared.hangs.store(true, Ordering::SeqCst);
    for row in &rows {
        cluster.warm(row.id).await;
        let version = cluster.store.bare_update(row.id, |row| row.demand = 6.0).unwrap();
        let (version, tags) = (Version { id: version, ..Version::new(1, 0) }, row.placement().tags());
        let (id, now) = (cluster.ids.event_id(), row.updated_at);
        let event = CacheInvalidation::new(id, row.id, version, &tags, Reason::DataUpdated, now);
        let message = event.outbox(&Default::default()).unwrap().message;
        cluster.bus.publish(Topic::ForecastInvalidation, message).await.unwrap();
    }
    pause(20).await;
    assert!(cluster.all_trusted());
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    cluster.assert_converged(&ids).await;
}

#[tokio::test(start_paused = true)]
async fn operators_evict_everywhere() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    let key = created.placement().tags();
    let (id, now) = (|| cluster.ids.event_id(), coherence::Timestamp::UNIX_EPOCH);
    let unscoped = all_forecasts_tag();
    let events = [
        CacheInvalidation::evict_key(id(), created.id, &key, now),
        CacheInvalidation::evict_tags(id(), &[forecast_key(created.id).tag(), unscoped], now),
        CacheInvalidation::evict_all(id(), now),
    ];
    for event in events {
        cluster.warm(created.id).await;
        for node in &cluster.nodes {
            node.list(&[]).await;
            assert!(node.list(&[]).await.1);
        }
        let message = event.outbox(&Default::default()).unwrap().message;
        assert!(CacheInvalidation::read(&message.payload).unwrap() == event);
        cluster.bus.publish(Topic::ForecastInvalidation, message).await.unwrap();
        pause(20).await;
        for node in &cluster.nodes {
            assert_eq!(node.tracked(created.id).await, None, "{event:?}");
            assert!(!node.list(&[]).await.1, "{event:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_stands_in_nobodys_way() {
    let cluster = Cluster::new(1).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    for topic in [Topic::ForecastInvalidation, Topic::ForecastUpdated] {
        let junk = Outgoing { key: "x".to_owned(), payload: Bytes::from("{}"), properties: Default::default() };
        cluster.bus.publish(topic, junk).await.unwrap();
    }
    cluster.nodes[0].patch(created.id, json!({"demand": 6.0})).await;
    pause(100).await;
    let (invalidation, updated) = (cluster.nodes[0].invalidation.read(), cluster.nodes[0].updated.read());
    assert_eq!((invalidation.unreadable, invalidation.events), (1, 2));
    assert_eq!((updated.unreadable, updated.events, updated.given_up), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_subscription_begins_a_generation_and_is_made_anew() {
    let cluster = Cluster::new(1).await;
    let generation = cluster.nodes[0].service.caches().cache().generation();
    cluster.bus.faults().cut();
    pause(200).await;
    assert!(!cluster.nodes[0].invalidation.read().connected);
    let lost = cluster.nodes[0].service.caches().cache().generation();
    assert!(lost > generation, "fills in the air may have missed something");
    cluster.bus.faults().heal();
    let back = || cluster.nodes[0].invalidation.read().connected;
    cluster.until("the road is subscribed", ms(1_500), back).await;
    assert!(cluster.nodes[0].service.caches().cache().generation() > lost, "also those that began while it was lost");
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    assert_eq!(cluster.nodes[0].invalidation.read().events, 1);
    cluster.assert_converged(&[created.id]).await;
}

/// The shared floor rises by `forecast:updated` alone.
#[tokio::test(start_paused = true)]
async fn an_update_raises_the_shared_floor_in_one_instance_and_wakes_its_tracker() {
    let cluster = Cluster::new(2).await;
    let before = cluster.nodes[0].create(&body(1, 5.0)).await;
    cluster.nodes[0].patch(before.id, json!({"demand": 6.0})).await;
    pause(100).await;
    let events = || cluster.nodes.iter().map(|node| node.updated.read().events).sum::<u64>();
    assert_eq!(events(), 1, "to one of the instances");

    let latest = async || {
        let epoch = cluster.backplane.head(&cluster.section).await.unwrap().unwrap().stream_epoch;
        match cluster.shared.get(&forecast_key(before.id), FillToken(1), epoch).await.unwrap() {
            SharedLookup::Hit(value) => value.version,
            SharedLookup::Miss { latest } => latest.unwrap(),
        }
    };
    assert_eq!(latest().await, Version::new(1, 2));
    let after = before.clone().revised(&Forecast { version_id: VersionId(76), ..before.clone() }, before.updated_at);
    let user = caller().user;
    let event = ForecastUpdated::new(cluster.ids.event_id(), user, Incarnation(1), &before, &after);
    let message = event.outbox(&Default::default()).unwrap().message;
    cluster.bus.publish(Topic::ForecastUpdated, message).await.unwrap();
    pause(20).await;
    assert_eq!((latest().await, events()), (Version::new(1, 77), 2));
}
