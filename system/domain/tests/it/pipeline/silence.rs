//! Whatever falls silent on the way from the feed to an instance ends the leases, and nothing unmarked is too old.

use std::sync::atomic::Ordering;

use coherence::Level;

use super::cluster::{Cluster, Part, ms, pause};
use crate::service::harness::body;

async fn falls_silent(what: &str, silence: impl AsyncFn(&Cluster), mend: impl AsyncFn(&Cluster)) {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    silence(&cluster).await;
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    let nobody = || cluster.nodes.iter().all(|node| !node.is_trusted());
    let took = cluster.until("every instance is suspect", ms(3_600), nobody).await;
    assert!(took >= ms(2_900), "{what}: a lease lasts 3.5 s from a beacon at most 500 ms old; it took {took:?}");
    for node in &cluster.nodes {
        let (demand, _, level) = node.read(created.id).await;
        assert_eq!((demand, level), (Some(6.0), Level::L4), "{what}");
    }
    mend(&cluster).await;
    cluster.until("the leases are back", ms(4_000), || cluster.all_trusted()).await;
    cluster.assert_converged(&[created.id]).await;
    pause(500).await;
    assert!(cluster.all_trusted(), "{what}");
}

#[tokio::test(start_paused = true)]
async fn frozen_trackers() {
    let each = async |cluster: &Cluster, act: fn(&super::ports::Ice)| {
        cluster.nodes.iter().for_each(|node| act(&node.ices[&Part::Tracker]));
    };
    let (freeze, thaw) = (super::ports::Ice::freeze, super::ports::Ice::thaw);
    falls_silent("tracker", async |cluster| each(cluster, freeze).await, async |cluster| each(cluster, thaw).await)
        .await;
}

#[tokio::test(start_paused = true)]
async fn frozen_syncs() {
    let each = async |cluster: &Cluster, act: fn(&super::ports::Ice)| {
        cluster.nodes.iter().for_each(|node| act(&node.ices[&Part::Sync]));
    };
    let (freeze, thaw) = (super::ports::Ice::freeze, super::ports::Ice::thaw);
    falls_silent("sync", async |cluster| each(cluster, freeze).await, async |cluster| each(cluster, thaw).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_cut() {
    let (cut, heal) =
        (async |cluster: &Cluster| cluster.bus.faults().cut(), async |cluster: &Cluster| cluster.bus.faults().heal());
    falls_silent("bus", cut, heal).await;
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_hangs() {
    let mend = async |cluster: &Cluster| {
        cluster.feed.hangs.store(false, Ordering::SeqCst);
        cluster.feed.mended.notify_waiters();
    };
    falls_silent("feed", async |cluster| cluster.feed.hangs.store(true, Ordering::SeqCst), mend).await;
}

/// Such as the Agent of SQL Server, without which CDC tells nothing new, and no error.
#[tokio::test(start_paused = true)]
async fn a_feed_that_stands_still() {
    let stop = async |cluster: &Cluster| *cluster.feed.still.lock().unwrap() = Some(tokio::time::Instant::now());
    let start = async |cluster: &Cluster| *cluster.feed.still.lock().unwrap() = None;
    falls_silent("the source of the feed", stop, start).await;
}

#[tokio::test(start_paused = true)]
async fn a_backplane_that_is_down() {
    let down = async |cluster: &Cluster| cluster.backplane.set_down(true);
    falls_silent("backplane", down, async |cluster| cluster.backplane.set_down(false)).await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_is_gone_leaves_its_instance_suspect_and_the_others_alone() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    cluster.nodes[1].kill(Part::Follower);
    cluster.nodes[1].kill(Part::Invalidation);
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    pause(3_600).await;
    assert!(cluster.nodes[0].is_trusted() && !cluster.nodes[1].is_trusted());
    cluster.assert_converged(&[created.id]).await;
}
