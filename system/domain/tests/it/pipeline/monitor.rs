//! The monitor counts what clients get.

use std::future::pending;
use std::sync::Arc;

use domain::monitor::{ConsistencyMonitor, MonitorConfig, MonitorPorts, MonitorStatusHandle};
use serde_json::json;

use super::cluster::{Cluster, Part, pause};
use crate::service::harness::body;

fn watch(cluster: &Cluster, number: usize) -> MonitorStatusHandle {
    let ports = MonitorPorts { store: Arc::new(cluster.store.clone()), rng: cluster.rng.clone() };
    let monitor = ConsistencyMonitor::new(MonitorConfig::default(), ports, cluster.nodes[number].service.clone());
    let status = monitor.status();
    tokio::spawn(monitor.run(pending()));
    status
}

#[tokio::test(start_paused = true)]
async fn a_healthy_system_is_consistent_within_a_second() {
    let cluster = Cluster::new(2).await;
    let status = watch(&cluster, 1);
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    for demand in 6..16 {
        cluster.nodes[0].patch(created.id, json!({"demand": demand})).await;
        pause(700).await;
    }
    cluster.store.bare_update(created.id, |row| row.demand = 99.0).unwrap();
    pause(2_000).await;
    let found = status.read();
    assert!(found.writes >= 10 && found.watched == 1, "{found:?}");
    assert_eq!((found.within_1s, found.within_5s, found.violations), (found.writes, found.writes, 0), "{found:?}");
}

/// An instance that is cut off and believes that it is not: its lease is prolonged by a lie.
#[tokio::test(start_paused = true)]
async fn a_lying_instance_is_found_out() {
    let mut cluster = Cluster::new(1).await;
    let status = watch(&cluster, 0);
    let created = cluster.nodes[0].create(&body(1, 5.0)).await;
    pause(1_000).await;
    cluster.warm(created.id).await;
    let tracker = cluster.tracker();
    for part in [Part::Tracker, Part::Sync, Part::Invalidation] {
        cluster.nodes[0].stop(part).await;
    }
    cluster.store.bare_update(created.id, |row| row.demand = 6.0).unwrap();
    // Beacons as a tracker would send them that reads an old copy of the feed, written by its sync.
    for _ in 0..20 {
        cluster.lie(&tracker).await;
        pause(500).await;
    }
    let found = status.read();
    assert_eq!((found.violations, found.writes), (1, 1), "{found:?}");
    assert!(cluster.all_trusted(), "it believes the lie");
}
