//! A database that is put back: versions, positions and tokens come again, and a new incarnation begins.

use std::sync::atomic::Ordering;

use coherence::{Backplane, Fence, FencingToken, Incarnation, Version};
use domain::ports::{LeaseName, Leases, Store};
use serde_json::json;

use super::cluster::{Cluster, Part, ms, pause};
use crate::service::harness::body;

async fn incarnation(cluster: &Cluster) -> Incarnation {
    cluster.store.incarnation().await.unwrap()
}

/// Everything is in a new life, and what instances answer is what the database holds now.
async fn assert_reborn(cluster: &Cluster, ids: &[domain::model::ForecastId]) {
    let reborn = || cluster.nodes.iter().all(|node| node.service.caches().cache().incarnation() == Incarnation(2));
    cluster.until("all instances are in the new life", ms(8_000), reborn).await;
    cluster.until("all leases are back", ms(4_000), || cluster.all_trusted()).await;
    assert_eq!(incarnation(cluster).await, Incarnation(2));
    cluster.assert_converged(ids).await;
    let raised: u64 = cluster.nodes.iter().map(|node| node.tracker.read().raised).sum();
    assert_eq!(raised, 1, "once");
    let epochs: u64 = cluster.nodes.iter().map(|node| node.sync.read().epochs).sum();
    assert_eq!(epochs, 2, "the stream begins anew in it");
    pause(2_000).await;
    assert_eq!(incarnation(cluster).await, Incarnation(2), "and it stays");
    assert!(cluster.all_trusted());
}

#[tokio::test(start_paused = true)]
async fn a_restore_under_running_trackers_empties_all_tiers() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    let backup = cluster.store.snapshot();
    let patched = cluster.nodes[0].patch(created.id, json!({"demand": 6.0})).await;
    let lost = cluster.nodes[1].create(&body(2, 7.0)).await;
    pause(200).await;
    cluster.warm(created.id).await;
    cluster.warm(lost.id).await;
    assert_eq!(cluster.nodes[0].read(created.id).await.1, patched);

    cluster.store.restore(&backup);
    assert_reborn(&cluster, &[created.id, lost.id]).await;
    for node in &cluster.nodes {
        assert_eq!(node.read(created.id).await.0, Some(5.0));
        assert_eq!(node.read(lost.id).await.0, None);
    }
    let version = cluster.nodes[0].patch(created.id, json!({"demand": 8.0})).await;
    assert_eq!(version, Version::new(2, 2));
    pause(200).await;
    cluster.assert_converged(&[created.id]).await;
}

/// The feed grew past what was told before: only the token shows it.
#[tokio::test(start_paused = true)]
async fn a_token_that_comes_again_shows_a_restore() {
    let mut cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    let backup = cluster.store.snapshot();
    cluster.warm(created.id).await;
    for number in [0, 1] {
        cluster.nodes[number].stop(Part::Tracker).await;
        pause(1_000).await;
    }
    cluster.store.restore(&backup);
    for n in 0..20 {
        cluster.store.bare_update(created.id, |row| row.demand = f64::from(n)).unwrap();
    }
    // The backup holds the first tracker's lease; it has ended by now.
    pause(2_000).await;
    cluster.start_tracker(0);
    assert_reborn(&cluster, &[created.id]).await;
}

/// Without the topic's last message the published head shows it; without both nothing does.
#[tokio::test(start_paused = true)]
async fn an_ordinary_restart_is_no_restore() {
    let mut cluster = Cluster::new(1).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    for _ in 0..3 {
        cluster.nodes[0].stop(Part::Tracker).await;
        cluster.store.bare_update(created.id, |row| row.demand += 1.0).unwrap();
        pause(500).await;
        cluster.start_tracker(0);
        pause(1_000).await;
        assert_eq!(cluster.tracker().changes, 1, "it goes on where the one before was");
    }
    assert_eq!(incarnation(&cluster).await, Incarnation(1));
    assert_eq!(cluster.sync().epochs, 1);
    cluster.assert_converged(&[created.id]).await;
}

/// `smartpulse incarnation raise`: the tracker takes a fresh lease and tells it.
#[tokio::test(start_paused = true)]
async fn an_incarnation_raised_by_hand_reaches_every_instance() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    cluster.warm(created.id).await;
    cluster.store.raise_incarnation(Incarnation(0)).await.unwrap();
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    let reborn = || cluster.nodes.iter().all(|node| node.service.caches().cache().incarnation() == Incarnation(2));
    cluster.until("all instances are in the new life", ms(2_000), reborn).await;
    cluster.until("all leases are back", ms(3_000), || cluster.all_trusted()).await;
    cluster.assert_converged(&[created.id]).await;
    assert_eq!(cluster.nodes.iter().map(|node| node.tracker.read().raised).sum::<u64>(), 0);
    assert_eq!(cluster.sync().refused, 0, "no message mixes the two lives");
}

/// The versions of its rows' past would come again, as of the new life: an instance that has read 2.9 is told 2.3.
#[tokio::test(start_paused = true)]
async fn what_was_not_told_before_a_new_life_is_not_told_as_of_it() {
    let mut cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    for number in [0, 1] {
        cluster.nodes[number].stop(Part::Tracker).await;
    }
    for n in 0..8 {
        cluster.store.bare_update(created.id, |row| row.demand = f64::from(n)).unwrap();
    }
    cluster.store.raise_incarnation(Incarnation(0)).await.unwrap();
    cluster.start_tracker(0);
    let reborn = || cluster.nodes.iter().all(|node| node.service.caches().cache().incarnation() == Incarnation(2));
    cluster.until("all instances are in the new life", ms(3_000), reborn).await;
    cluster.until("all leases are back", ms(3_000), || cluster.all_trusted()).await;
    assert_eq!(cluster.tracker().changes, 0, "they are of the life before");
    cluster.store.bare_update(created.id, |row| row.demand = 77.0).unwrap();
    cluster.until("what comes is told", ms(2_000), || cluster.tracker().changes == 1).await;
    cluster.assert_converged(&[created.id]).await;
}

/// A cursor behind the feed's end, as a feed that was switched off and on leaves it.
#[tokio::test(start_paused = true)]
async fn a_cursor_that_the_feed_never_reached_begins_a_new_life() {
    let mut cluster = Cluster::new(1).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(500).await;
    let token = cluster.tracker().token;
    let far = domain::ports::FeedPosition(1_000);
    assert!(cluster.store.move_cursor(LeaseName::Tracker, token, far).await.unwrap());
    cluster.nodes[0].stop(Part::Tracker).await;
    cluster.start_tracker(0);
    assert_reborn(&cluster, &[created.id]).await;
}

/// Two restores within the time of one lease: the first begins a new life, the second brings back the life in which a
/// tracker still holds its lease. It finds its own database, and only what was told meanwhile shows that it is over.
#[tokio::test(start_paused = true)]
async fn a_tracker_that_missed_a_whole_life_notices_it() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    let first = cluster.leader().unwrap();
    cluster.nodes[first].ices[&Part::Tracker].freeze();
    let backup = cluster.store.snapshot();
    cluster.store.raise_incarnation(Incarnation(0)).await.unwrap();
    let told = || cluster.nodes.iter().all(|node| node.service.caches().cache().incarnation() == Incarnation(2));
    cluster.until("the new life is heard of", ms(600), told).await;

    cluster.store.restore(&backup);
    cluster.nodes[first].ices[&Part::Tracker].thaw();
    let reborn = || cluster.nodes.iter().all(|node| node.service.caches().cache().incarnation() == Incarnation(3));
    cluster.until("all instances are in the life after both", ms(8_000), reborn).await;
    cluster.until("all leases are back", ms(4_000), || cluster.all_trusted()).await;
    cluster.assert_converged(&[created.id]).await;
}

/// The running tracker knows that it was further. What it tells once more, of a feed that goes back, hides that from the
/// next one: topic and cursor show no more than the database holds.
#[tokio::test(start_paused = true)]
async fn what_a_tracker_has_read_itself_shows_a_restore() {
    let mut cluster = Cluster::new(1).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    cluster.nodes[0].stop(Part::Sync).await;
    let backup = cluster.store.snapshot();
    for n in 0..2 {
        cluster.store.bare_update(created.id, |row| row.demand = f64::from(n)).unwrap();
    }
    cluster.until("they are told", ms(300), || cluster.tracker().changes == 3).await;
    pause(60).await;

    cluster.store.restore(&backup);
    cluster.feed.again.store(3, Ordering::SeqCst);
    cluster.until("the first is told again", ms(200), || cluster.tracker().changes == 4).await;
    cluster.until("a new life begins", ms(3_000), || cluster.tracker().raised == 1).await;
    assert_eq!(incarnation(&cluster).await, Incarnation(2));
}

/// The sync of a life between two restores died before it published anything: only its claim is there.
#[tokio::test(start_paused = true)]
async fn a_claim_of_a_later_life_shows_a_restore() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    let later = Fence { incarnation: Incarnation(2), token: FencingToken(5) };
    cluster.backplane.claim(&cluster.section, later).await.unwrap();
    let reborn = || cluster.nodes.iter().all(|node| node.service.caches().cache().incarnation() == Incarnation(3));
    cluster.until("all instances are in the life after it", ms(4_000), reborn).await;
    cluster.until("all leases are back", ms(4_000), || cluster.all_trusted()).await;
    cluster.assert_converged(&[created.id]).await;
    assert_eq!(cluster.nodes.iter().map(|node| node.sync.read().raised).sum::<u64>(), 1, "once");
}

/// A sync that lost its lease unnoticed meets the one of the life that began: that is no restore.
#[tokio::test(start_paused = true)]
async fn a_sync_that_slept_through_a_new_life_begins_none() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    let sync = cluster.sync_leader().unwrap();
    let backplane = &cluster.nodes[sync].backplane;
    backplane.holds.store(true, Ordering::SeqCst);
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    pause(100).await;
    cluster.nodes[sync].ices[&Part::Sync].freeze();
    cluster.store.raise_incarnation(Incarnation(0)).await.unwrap();
    pause(3_000).await;
    backplane.holds.store(false, Ordering::SeqCst);
    backplane.let_go.notify_waiters();
    cluster.nodes[sync].ices[&Part::Sync].thaw();
    let reborn = || cluster.nodes.iter().all(|node| node.service.caches().cache().incarnation() == Incarnation(2));
    cluster.until("all instances are in the new life", ms(4_000), reborn).await;
    cluster.until("all leases are back", ms(4_000), || cluster.all_trusted()).await;
    assert_eq!(incarnation(&cluster).await, Incarnation(2), "and it stays");
    cluster.assert_converged(&[created.id]).await;
}
