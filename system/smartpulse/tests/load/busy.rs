//! A forecast that is written as fast as it goes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::group::{Group, ms};

/// At 1,000 a second.
const BUSY_WRITES: u64 = 10_000;

/// What the guarantees allow (C3); a machine of its own shows 40 ms.
const LAG_MAX: Duration = Duration::from_secs(5);

/// 1,000 writes a second for 10 s, by statements behind the system's back, so that the writer is not what limits them.
/// All instances end equal, the lag stays bounded, and no queue grows without bound (each has a limit; none is met here).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_forecast_ends_equal_everywhere() {
    let group = Arc::new(Group::new().await);
    let id = group.nodes[0].create(0, 1).await.id;
    for node in &group.nodes {
        node.read(id).await;
    }
    let mut bare = group.bare().await;
    // As the system's own light writes.
    sqlx::query("PRAGMA synchronous = NORMAL").execute(&mut bare).await.unwrap();
    let begun = Instant::now();
    let mut worst = Duration::ZERO;
    for writes in 1..=BUSY_WRITES {
        sqlx::query("UPDATE forecasts SET demand = demand + 1").execute(&mut bare).await.unwrap();
        if let Some(lag) = group.nodes.iter().filter_map(|node| node.status.sync.as_ref()?.read().lag).max() {
            worst = worst.max(lag);
        }
        tokio::time::sleep_until(begun + ms(writes)).await;
    }
    let (writes, took) = (BUSY_WRITES, begun.elapsed());
    let latest = group.version(id).await;
    assert_eq!(latest.id.0, writes + 1);
    let applied = || {
        let heads: Vec<_> = group.nodes.iter().map(|node| node.follower().applied).collect();
        heads.iter().all(|applied| *applied == heads[0] && applied.0 > writes)
    };
    let after = group.until("all have applied all", ms(30_000), applied).await;
    group.assert_converged(&[id]).await;
    assert!(worst < LAG_MAX, "the lag grew to {worst:?}");
    for node in &group.nodes {
        let stats = node.service.caches().cache().stats();
        assert!(node.is_trusted() && stats.gaps == 0 && stats.suspicions == 0, "{stats:?}");
    }
    println!("{writes} writes in {took:?}, worst lag {worst:?}, all equal {after:?} after the last");
    Arc::into_inner(group).unwrap().close().await;
}
