//! The normal flow, and writes behind the system's back.

use coherence::Version;
use domain::model::{Forecast, ForecastId, UnitId};
use domain::ports::FeedPosition;
use serde_json::json;

use super::cluster::{Cluster, Node, ms, pause};
use crate::service::harness::{UNIT, body};
use crate::support::uuid;

#[tokio::test(start_paused = true)]
async fn a_patch_reaches_every_instance_as_a_patch_and_is_told_once() {
    let mut cluster = Cluster::new(3).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(200).await;
    cluster.warm(created.id).await;
    for node in &mut cluster.nodes {
        node.data_changed(created.id);
    }
    let patched = |node: &Node| node.service.caches().cache().stats().patched;
    let before: Vec<u64> = cluster.nodes.iter().map(patched).collect();

    let version = cluster.nodes[1].patch(created.id, json!({"demand": 6.0})).await;
    pause(50).await;
    for (node, before) in cluster.nodes.iter().zip(before) {
        assert_eq!(node.tracked(created.id).await, Some(version), "L2 holds the new version before anybody read it");
        assert_eq!(patched(node), before + 1, "and it came as a patch");
    }
    cluster.assert_converged(&[created.id]).await;
    pause(1_000).await;
    for node in &mut cluster.nodes {
        assert_eq!(node.data_changed(created.id), [Some(version)], "whichever road was first");
    }
    let sync = cluster.sync();
    assert_eq!((sync.epochs, sync.pulls, sync.parked, sync.refused, sync.jumps), (1, 0, 0, 0, 0), "{sync:?}");
    assert_eq!(sync.changes, 2);
    assert!(sync.lag.unwrap() < ms(20), "{:?}", sync.lag);
}

/// A tracker that found nothing for long waits longer; a write of any instance wakes it.
#[tokio::test(start_paused = true)]
async fn a_write_anywhere_wakes_a_tracker_that_waits() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    cluster.warm(created.id).await;
    assert_eq!(cluster.leader(), Some(0));
    for demand in 6..12 {
        pause(11_000 + demand * 17).await;
        assert!(cluster.tracker().wait >= ms(17), "{:?}", cluster.tracker());
        let writer = usize::try_from(demand % 2).unwrap();
        let version = cluster.nodes[writer].patch(created.id, json!({"demand": demand})).await;
        pause(3).await;
        for node in &cluster.nodes {
            assert_eq!(node.tracked(created.id).await, Some(version));
        }
    }
}

/// The bytes of all tiers are those that the store's loader gives: hashes agree, nothing is pulled.
#[tokio::test(start_paused = true)]
async fn awkward_numbers_and_optional_members_survive_the_way() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 0.1 + 0.2)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    let changes = [
        json!({"supply": 1e-7}),
        json!({"supply": null, "tags": ["a", "ü"]}),
        json!({"demand": 123_456_789.123_456_78}),
        json!({"providerId": uuid(9).to_string(), "tags": null}),
        json!({"demand": 7}),
    ];
    for change in changes {
        let version = cluster.nodes[0].patch(created.id, change.clone()).await;
        pause(50).await;
        for node in &cluster.nodes {
            assert_eq!(node.tracked(created.id).await, Some(version), "{change}");
            assert_eq!(node.service.caches().cache().stats().pulls, 0, "{change}");
        }
    }
    cluster.assert_converged(&[created.id]).await;
}

#[tokio::test(start_paused = true)]
async fn bare_statements_are_seen_lists_of_the_old_unit_included() {
    let cluster = Cluster::new(3).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(200).await;
    cluster.warm(created.id).await;
    let (old, new) = (uuid(UNIT).to_string(), uuid(UNIT + 1).to_string());
    for node in &cluster.nodes {
        for unit in [&old, &new] {
            node.list(&[("productionUnitId", unit)]).await;
        }
        assert_eq!(node.list(&[("productionUnitId", &old)]).await, (vec![5.0], true));
    }

    cluster.store.bare_update(created.id, |row| row.production_unit_id = UnitId(uuid(UNIT + 1))).unwrap();
    // Nobody wakes the tracker: its own wait bounds it.
    pause(600).await;
    for node in &cluster.nodes {
        assert_eq!(node.tracked(created.id).await, Some(Version::new(1, 2)));
        assert_eq!(node.list(&[("productionUnitId", &old)]).await.0, Vec::<f64>::new());
        assert_eq!(node.list(&[("productionUnitId", &new)]).await.0, vec![5.0]);
    }

    cluster.store.bare_delete(created.id).unwrap();
    pause(600).await;
    for node in &cluster.nodes {
        assert_eq!(node.read(created.id).await.0, None);
        assert_eq!(node.list(&[("productionUnitId", &new)]).await.0, Vec::<f64>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_forecast_comes_back_with_a_higher_version() {
    let cluster = Cluster::new(2).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(100).await;
    cluster.warm(created.id).await;
    cluster.store.bare_delete(created.id).unwrap();
    cluster.store.bare_insert(Forecast { demand: 9.0, ..created.clone() }).unwrap();
    pause(600).await;
    for node in &cluster.nodes {
        assert_eq!(node.tracked(created.id).await, Some(Version::new(1, 3)));
    }
    cluster.assert_converged(&[created.id]).await;
    assert_eq!(cluster.sync().jumps, 0);
}

#[tokio::test(start_paused = true)]
async fn a_bulk_change_behind_the_back_is_seen_everywhere_and_no_beacon_overtakes_it() {
    const ROWS: u128 = 50_000;
    let cluster = Cluster::with(1, &[]).await;
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    let id = |n: u128| ForecastId(uuid(0x10_0000 + n));
    for n in 0..ROWS {
        let production_unit_id = UnitId(uuid(0x20_0000 + n));
        cluster.store.bare_insert(Forecast { id: id(n), production_unit_id, ..created.clone() }).unwrap();
    }
    // The rows have been there for long.
    cluster.store.forget_capture_before(FeedPosition(u128::MAX));
    let cluster = cluster.start().await;
    let ids: Vec<ForecastId> = (0..ROWS).step_by(5_000).map(id).collect();
    for id in &ids {
        cluster.warm(*id).await;
    }
    let epochs = cluster.sync().epochs;
    for n in 0..ROWS {
        cluster.store.bare_update(id(n), |row| row.demand = 6.0).unwrap();
    }
    let told = || cluster.sync().changes == u64::try_from(ROWS).unwrap();
    cluster.until("all is in the stream", ms(5_000), told).await;
    pause(1_000).await;
    for node in &cluster.nodes {
        for id in &ids {
            assert_eq!(node.tracked(*id).await, Some(Version::new(1, 2)));
        }
    }
    cluster.assert_converged(&ids).await;
    assert!(cluster.all_trusted());
    assert_eq!((cluster.sync().epochs, cluster.sync().pulls, cluster.tracker().holes), (epochs, 0, 1));
}
