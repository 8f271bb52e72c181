//! Leadership: killed, frozen and stopped trackers and syncs.

use std::sync::atomic::Ordering;

use coherence::backplane::Claimed;
use coherence::{Backplane, Fence, FencingToken, Incarnation, Version};
use domain::event::{ForecastChanged, TrackerMark};
use domain::ports::{Bus, Change, FeedPosition, Operation, Topic};
use serde_json::json;

use super::cluster::{Cluster, Part, ms, pause};
use crate::service::harness::body;

#[tokio::test(start_paused = true)]
async fn a_killed_tracker_is_followed_within_a_second_and_a_half_and_no_lease_is_lost() {
    let cluster = Cluster::new(3).await;
    for dead in 0..2 {
        let created = cluster.nodes[2].create(&body(1 + dead, 5.0)).await;
        let killed = cluster.leader().unwrap();
        cluster.nodes[killed].kill(Part::Tracker);
        cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
        let beacons: Vec<u64> = cluster.nodes.iter().map(|node| node.tracker.read().beacons).collect();
        let next = || {
            cluster.nodes.iter().enumerate().any(|(number, node)| {
                number != killed && node.tracker.read().is_leader && node.tracker.read().beacons > beacons[number]
            })
        };
        let took = cluster.until("another tracker beats", ms(1_600), next).await;
        assert!(took <= ms(1_500), "{took:?}");
        pause(3_000).await;
        cluster.assert_converged(&[created.id]).await;
        assert!(cluster.all_trusted());
    }
    for node in &cluster.nodes {
        assert_eq!(node.service.caches().cache().stats().suspicions, 0);
    }
    assert_eq!(cluster.sync().epochs, 1, "the next tracker continues where the last one was");
}

#[tokio::test(start_paused = true)]
async fn a_killed_sync_is_followed_and_no_lease_is_lost() {
    let cluster = Cluster::new(3).await;
    let created = cluster.nodes[2].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    let killed = cluster.sync_leader().unwrap();
    cluster.nodes[killed].kill(Part::Sync);
    let version = cluster.nodes[2].patch(created.id, json!({"demand": 6.0})).await;
    let next =
        || cluster.nodes.iter().enumerate().any(|(number, node)| number != killed && node.sync.read().changes > 0);
    let took = cluster.until("another sync writes", ms(1_600), next).await;
    assert!(took <= ms(1_500), "{took:?}");
    pause(3_000).await;
    for node in &cluster.nodes {
        assert_eq!(node.tracked(created.id).await, Some(version));
        assert_eq!(node.service.caches().cache().stats().suspicions, 0);
    }
    assert_eq!(cluster.sync().epochs, 0, "it continues where the one before was");
    let earlier = Fence { incarnation: Incarnation(1), token: FencingToken(1) };
    let claimed = cluster.backplane.claim(&cluster.section, earlier).await.unwrap();
    assert!(matches!(claimed, Claimed::Fenced { .. }), "the one before cannot write any more: {claimed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_planned_hand_over_is_immediate() {
    let mut cluster = Cluster::new(2).await;
    for part in [Part::Tracker, Part::Sync] {
        cluster.nodes[0].stop(part).await;
        let next = || match part {
            Part::Tracker => cluster.nodes[1].tracker.read().is_leader,
            _ => cluster.nodes[1].sync.read().is_leader,
        };
        let took = cluster.until("the other one leads", ms(1_000), next).await;
        assert!(took <= ms(210), "{part:?}: {took:?}");
    }
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(300).await;
    cluster.assert_converged(&[created.id]).await;
    assert!(cluster.all_trusted());
}

#[tokio::test(start_paused = true)]
async fn a_frozen_tracker_that_wakes_publishes_nothing() {
    let cluster = Cluster::new(2).await;
    let frozen = cluster.leader().unwrap();
    cluster.nodes[frozen].ices[&Part::Tracker].freeze();
    pause(2_000).await;
    let other = 1 - frozen;
    assert!(cluster.nodes[other].tracker.read().is_leader);
    let counter = cluster.nodes[frozen].tracker.read().counter;
    cluster.nodes[frozen].ices[&Part::Tracker].thaw();
    pause(1_000).await;
    let status = cluster.nodes[frozen].tracker.read();
    assert_eq!((status.is_leader, status.counter), (false, counter));
    assert_eq!(status.raised, 0, "a later term is no restore");
    assert_eq!(cluster.sync().refused, 0);
}

/// The store would prolong the lease, since nobody took it; the holder stops all the same.
#[tokio::test(start_paused = true)]
async fn a_holder_stops_at_its_own_deadline() {
    let cluster = Cluster::new(1).await;
    for part in [Part::Tracker, Part::Sync] {
        cluster.nodes[0].ices[&part].freeze();
        pause(1_400).await;
        cluster.nodes[0].ices[&part].thaw();
    }
    pause(1_000).await;
    assert_eq!((cluster.tracker().terms, cluster.sync().terms), (2, 2));
    assert!(cluster.all_trusted());
}

/// What an earlier tracker had sent into the network arrives late.
#[tokio::test(start_paused = true)]
async fn a_late_message_of_an_earlier_tracker_is_refused() {
    let mut cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    let old = cluster.tracker();
    cluster.nodes[0].stop(Part::Tracker).await;
    let version = cluster.nodes[0].patch(created.id, json!({"demand": 6.0})).await;
    pause(1_000).await;
    let mut lie = created.clone();
    (lie.demand, lie.version_id) = (99.0, coherence::VersionId(77));
    let change = Change {
        position: FeedPosition(old.cursor.0 + 1),
        operation: Operation::Update,
        id: created.id,
        version: Version::new(1, 77),
        after: Some(lie),
        before: None,
        committed_at: None,
        traceparent: None,
    };
    let mark =
        TrackerMark { token: old.token, counter: old.counter + 1, follows: old.cursor, position: change.position };
    let now = coherence::Timestamp::UNIX_EPOCH;
    let event = ForecastChanged::new(cluster.ids.event_id(), now, now, &change, mark).unwrap();
    cluster.bus.publish(Topic::CdcForecasts, event.outgoing(None).unwrap()).await.unwrap();
    pause(1_000).await;
    assert_eq!(cluster.sync().refused, 1);
    for node in &cluster.nodes {
        assert_eq!(node.tracked(created.id).await, Some(version));
    }
    cluster.assert_converged(&[created.id]).await;
}

/// A sync that was killed between the two steps: the value is in the shared tier, the message went nowhere.
#[tokio::test(start_paused = true)]
async fn a_change_stuck_between_the_two_steps_is_completed_by_the_next_sync() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    let first = cluster.sync_leader().unwrap();
    let backplane = &cluster.nodes[first].backplane;
    backplane.holds.store(true, Ordering::SeqCst);
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    cluster.until("the message is on its way", ms(1_000), || backplane.held.load(Ordering::SeqCst) > 0).await;
    cluster.nodes[first].kill(Part::Sync);
    pause(2_000).await;
    for node in &cluster.nodes {
        assert_eq!(node.tracked(created.id).await, Some(Version::new(1, 2)));
    }
    assert_eq!(cluster.sync().epochs, 0);
    cluster.assert_converged(&[created.id]).await;
}

/// A sync that freezes between the two steps and wakes after another one took over.
#[tokio::test(start_paused = true)]
async fn a_zombie_sync_is_fenced_and_harms_nothing() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    let first = cluster.sync_leader().unwrap();
    let zombie = &cluster.nodes[first];
    zombie.backplane.holds.store(true, Ordering::SeqCst);
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    let on_its_way = || zombie.backplane.held.load(Ordering::SeqCst) > 0;
    cluster.until("the message is on its way", ms(1_000), on_its_way).await;
    zombie.ices[&Part::Sync].freeze();
    // Its consumer is closed by the bus only after a while: here the exclusive subscription waits for it, leases lapse.
    pause(5_000).await;
    assert!(cluster.nodes[1 - first].sync.read().is_leader);
    assert!(!cluster.all_trusted());
    cluster.assert_converged(&[created.id]).await;
    zombie.backplane.holds.store(false, Ordering::SeqCst);
    zombie.backplane.let_go.notify_waiters();
    zombie.ices[&Part::Sync].thaw();
    pause(3_000).await;
    assert!(!zombie.sync.read().is_leader);
    assert!(cluster.all_trusted());
    for node in &cluster.nodes {
        assert_eq!(node.tracked(created.id).await, Some(Version::new(1, 2)));
    }
    assert_eq!(zombie.sync.read().changes, 1, "its second step never counted");
}
