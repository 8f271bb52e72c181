//! What is missing, unreadable or poison.

use std::sync::Arc;

use bytes::Bytes;
use coherence::{Backplane, Fence, Head, Incarnation, Sequence, StreamEpoch, Version};
use domain::event::{CacheInvalidation, Event};
use domain::model::forecast_key;
use domain::ports::{Bus, FeedPosition, Outgoing, Parking, Topic};
use domain::sync::ParkedDesk;
use serde_json::json;

use super::cluster::{Cluster, Part, ms, pause};
use crate::service::harness::body;

fn outgoing(key: &str, payload: impl Into<Bytes>) -> Outgoing {
    Outgoing { key: key.to_owned(), payload: payload.into(), properties: Default::default() }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_was_pruned_past_the_cursor_begins_an_epoch_and_everything_is_compared() {
    let mut cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(500).await;
    cluster.warm(created.id).await;
    for node in &mut cluster.nodes {
        node.stop(Part::Tracker).await;
    }
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    cluster.store.forget_capture_before(FeedPosition(1_000));
    let epochs = cluster.sync().epochs;
    cluster.start_tracker(0);
    pause(1_000).await;
    assert_eq!((cluster.tracker().holes, cluster.sync().epochs), (1, epochs + 1));
    assert!(cluster.all_trusted(), "the gap was shorter than a lease");
    cluster.assert_converged(&[created.id]).await;
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_change_is_passed_over_and_everything_is_compared() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(500).await;
    cluster.warm(created.id).await;
    let next = FeedPosition(cluster.tracker().cursor.0 + 1);
    cluster.feed.corrupt.lock().unwrap().insert(next);
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    let skipped = || cluster.tracker().skipped == 1;
    cluster.until("it is passed over", ms(3_000), skipped).await;
    pause(1_000).await;
    assert_eq!(cluster.sync().epochs, 2);
    cluster.assert_converged(&[created.id]).await;
    assert!(cluster.all_trusted());
}

#[tokio::test(start_paused = true)]
async fn a_poison_change_is_parked_and_its_key_is_right_all_the_same() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    let other = cluster.nodes[0].create(&body(2, 5.0)).await;
    pause(500).await;
    cluster.warm(created.id).await;
    cluster.shared.poison.lock().unwrap().insert(forecast_key(created.id));
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    cluster.store.bare_update(other.id, |row| row.demand = 7.0).unwrap();
    cluster.until("it is parked", ms(3_000), || cluster.sync().parked == 1).await;
    pause(1_000).await;
    assert_eq!(cluster.shared.poisoned.load(std::sync::atomic::Ordering::SeqCst), 5);
    let sync = cluster.sync();
    assert_eq!((sync.pulls, sync.epochs), (1, 1), "{sync:?}");
    for node in &cluster.nodes {
        assert_eq!(node.tracked(created.id).await, Some(Version::new(1, 2)), "it was fetched");
    }
    cluster.assert_converged(&[created.id, other.id]).await;

    let parked = cluster.store.parked(10).await.unwrap();
    let [event] = parked.as_slice() else { panic!("{parked:?}") };
    assert_eq!((event.entity, event.attempts, event.topic), (Some(created.id), 5, Topic::CdcForecasts));
    assert!(event.reason.contains("shared tier") && event.reason.contains("a test says so"), "{}", event.reason);
    let store = Arc::new(cluster.store.clone());
    let desk = ParkedDesk::new(store, Arc::new(cluster.bus.clone()), cluster.clock.clone(), cluster.ids.clone());
    let events: Vec<u64> = cluster.nodes.iter().map(|node| node.invalidation.read().events).collect();
    assert!(desk.retry(event.id).await.unwrap());
    assert!(!desk.retry(event.id).await.unwrap() && !desk.discard(event.id).await.unwrap());
    pause(100).await;
    for (node, events) in cluster.nodes.iter().zip(events) {
        assert_eq!(node.invalidation.read().events, events + 1, "every instance reads the store again");
        assert_eq!(node.read(created.id).await.2, coherence::Level::L4);
    }
    assert!(desk.list(10).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_message_is_parked_and_begins_an_epoch() {
    let cluster = Cluster::new(1).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(500).await;
    cluster.warm(created.id).await;
    cluster.bus.publish(Topic::CdcForecasts, outgoing("x", r#"{"Operation":"UPDATE"}"#)).await.unwrap();
    pause(1_000).await;
    let sync = cluster.sync();
    assert_eq!((sync.unreadable, sync.parked, sync.epochs), (1, 1, 2));
    assert!(cluster.all_trusted());
    let store = Arc::new(cluster.store.clone());
    let desk = ParkedDesk::new(store, Arc::new(cluster.bus.clone()), cluster.clock.clone(), cluster.ids.clone());
    let parked = desk.list(10).await.unwrap();
    assert!(desk.retry(parked[0].id).await.unwrap());
    let last = cluster.bus.last(Topic::ForecastInvalidation).await.unwrap().unwrap();
    let told = CacheInvalidation::read(&last.message.payload).unwrap();
    assert_eq!(told.evict, Some(domain::event::Eviction::All), "nobody knows what it was");
}

/// Another program publishes the specification's payload: no mark, no incarnation, perhaps a part of the document.
#[tokio::test(start_paused = true)]
async fn another_programs_change_is_taken_without_a_continuity_check() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(500).await;
    cluster.warm(created.id).await;
    let foreign = |version: u64, data: serde_json::Value| {
        let event = json!({
            "EventId": created.id, "Timestamp": "2025-11-12T10:30:00Z", "VersionId": version, "Operation": "UPDATE",
            "EntityId": created.id, "Data": data, "Unknown": {"x": 1},
        });
        outgoing("x", event.to_string())
    };
    let mut whole = serde_json::to_value(&created).unwrap();
    (whole["demand"], whole["versionId"]) = (json!(6.0), json!(2));
    cluster.bus.publish(Topic::CdcForecasts, foreign(2, whole)).await.unwrap();
    pause(100).await;
    assert_eq!(cluster.nodes[1].read(created.id).await.0, Some(6.0), "it is believed");
    let version = cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    cluster.bus.publish(Topic::CdcForecasts, foreign(version.0, json!({"demand": 6.0}))).await.unwrap();
    pause(1_000).await;
    let sync = cluster.sync();
    assert_eq!((sync.epochs, sync.parked, sync.pulls), (1, 0, 1), "a part of a document is fetched instead");
    cluster.assert_converged(&[created.id]).await;
}

/// Messages of the tracker that never arrive: the next one shows it.
#[tokio::test(start_paused = true)]
async fn a_hole_in_the_trackers_counter_begins_an_epoch() {
    let mut cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(500).await;
    cluster.warm(created.id).await;
    let at = cluster.tracker();
    // A cursor that moved although the message is nowhere: as if the topic had lost it.
    cluster.nodes[0].stop(Part::Tracker).await;
    cluster.nodes[1].stop(Part::Tracker).await;
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    cluster.lose_up_to(FeedPosition(at.cursor.0 + 1)).await;
    cluster.start_tracker(0);
    pause(1_000).await;
    assert_eq!(cluster.sync().epochs, 2);
    cluster.assert_converged(&[created.id]).await;
    assert!(cluster.all_trusted());
}

/// The backplane falls back to an older copy of itself, as a replica does that is promoted.
#[tokio::test(start_paused = true)]
async fn a_backplane_that_fell_back_begins_an_epoch() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(500).await;
    cluster.warm(created.id).await;
    let (backplane, shared) = (cluster.backplane.snapshot(), cluster.shared.inner.snapshot());
    cluster.nodes[0].patch(created.id, json!({"demand": 6.0})).await;
    pause(100).await;
    cluster.backplane.fall_back(backplane);
    cluster.shared.inner.fall_back(shared);
    pause(2_000).await;
    assert_eq!(cluster.sync().epochs, 2);
    assert!(cluster.all_trusted());
    cluster.assert_converged(&[created.id]).await;
    cluster.nodes[0].patch(created.id, json!({"demand": 7.0})).await;
    pause(100).await;
    cluster.assert_converged(&[created.id]).await;
}

/// Somebody else began another epoch: the very next change begins one more, without waiting for a beacon.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_where_it_was_left_begins_an_epoch_with_the_next_change() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(500).await;
    cluster.warm(created.id).await;
    let beacons = cluster.sync().beacons;
    cluster.until("a beacon has just been", ms(600), || cluster.sync().beacons > beacons).await;
    let mine = cluster.backplane.head(&cluster.section).await.unwrap().unwrap();
    let head = Head { stream_epoch: StreamEpoch(1), sequence: Sequence(0), ..mine };
    let fence = Fence { incarnation: Incarnation(1), token: cluster.sync().token };
    cluster.backplane.announce(&cluster.section, fence, head).await.unwrap();
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    pause(200).await;
    assert_eq!((cluster.sync().beacons, cluster.sync().epochs), (beacons + 1, 2));
    for node in &cluster.nodes {
        assert_eq!(node.read(created.id).await.0, Some(6.0));
    }
    pause(1_000).await;
    assert!(cluster.all_trusted());
    cluster.assert_converged(&[created.id]).await;
}
