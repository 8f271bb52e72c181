//! A forecast that is written as fast as it goes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::group::{Group, ms};

/// 1,000 writes a second are planned for some seconds; what a debug build on two cores does not reach is late, not lost.
/// All instances end equal, the lag stays bounded, and no queue grows without bound (each has a limit; none is met here).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_forecast_ends_equal_everywhere() {
    let group = Arc::new(Group::new().await);
    let id = group.nodes[0].create(0, 1).await.id;
    for node in &group.nodes {
        node.read(id).await;
    }
    let begun = Instant::now();
    let mut writes = 0_u64;
    let mut worst = Duration::ZERO;
    while begun.elapsed() < ms(5_000) {
        writes += 1;
        group.nodes[0].patch(id, writes as f64).await;
        if let Some(lag) = group.nodes.iter().filter_map(|node| node.status.sync.as_ref()?.read().lag).max() {
            worst = worst.max(lag);
        }
        tokio::time::sleep_until(begun + ms(writes)).await;
    }
    let latest = group.version(id).await;
    assert_eq!(latest.id.0, writes + 1);
    let applied = || {
        let heads: Vec<_> = group.nodes.iter().map(|node| node.follower().applied).collect();
        heads.iter().all(|applied| *applied == heads[0] && applied.0 > writes)
    };
    let after = group.until("all have applied all", ms(5_000), applied).await;
    group.assert_converged(&[id]).await;
    assert!(worst < ms(3_000), "the lag grew to {worst:?}");
    for node in &group.nodes {
        let stats = node.service.caches().cache().stats();
        assert!(node.is_trusted() && stats.gaps == 0 && stats.suspicions == 0, "{stats:?}");
    }
    println!("{writes} writes in 5 s, worst lag {worst:?}, all equal {after:?} after the last");
    Arc::into_inner(group).unwrap().close().await;
}
