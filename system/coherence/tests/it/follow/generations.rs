//! Fills that span a loss of certainty: served, and not stored.

use std::sync::Arc;
use std::time::Duration;

use coherence::*;

use super::group::*;

/// A read that stands at the source's gate with the data of now in its hands.
async fn held(group: &Arc<Group>, node: usize, of: u64) -> tokio::task::JoinHandle<Answer<Document>> {
    group.truth.gate.shut();
    let reader = {
        let group = Arc::clone(group);
        tokio::spawn(async move { group.nodes[node].get(&group, &key(of)).await })
    };
    group.truth.gate.someone().await;
    reader
}

/// Without the new generation at a resync, what was read before it would be stored after it, and nothing would verify it.
#[tokio::test(start_paused = true)]
async fn a_fill_that_spans_a_resync_is_not_stored() {
    let group = Arc::new(Group::new(1).await);
    group.commit(&key(1), 1);
    let reader = held(&group, 0, 1).await;
    // The change is told to nobody but the new stream, which begins after it.
    group.commit(&key(1), 2);
    group.begin_epoch().await;
    settle().await;
    group.beat().await;
    assert!(group.nodes[0].cache.is_trusted());
    group.truth.gate.release();
    assert_eq!(reader.await.unwrap().version, Version::new(1, 1), "its request came before the change");
    assert_eq!(group.nodes[0].at(&group, &key(1)).await.1, 2, "not stored");
}

/// Without the new generation at a subscription, what was read before the first one would be stored under its lease.
#[tokio::test(start_paused = true)]
async fn a_fill_that_spans_the_first_subscription_is_not_stored() {
    let mut group = Group::silent(Default::default());
    group.begin_epoch().await;
    group.backplane.set_down(true);
    let node = group.node(1, CacheConfig::default());
    group.nodes.push(node);
    let group = Arc::new(group);
    settle().await;
    group.commit(&key(1), 1);
    let reader = held(&group, 0, 1).await;
    group.commit(&key(1), 2);
    group.backplane.set_down(false);
    group.publish(&key(1)).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    group.beat().await;
    assert!(group.nodes[0].cache.is_trusted());
    group.truth.gate.release();
    reader.await.unwrap();
    assert_eq!(group.nodes[0].at(&group, &key(1)).await.1, 2);
}

/// A fill that began before the lease lapsed and ends after it was regained: what changed in between was never told.
#[tokio::test(start_paused = true)]
async fn a_fill_that_spans_a_suspicion_is_not_stored() {
    let group = Arc::new(Group::new(1).await);
    group.commit(&key(1), 1);
    // Just before the lease ends.
    tokio::time::sleep(LEASE - Duration::from_millis(500)).await;
    let reader = held(&group, 0, 1).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(!group.nodes[0].cache.is_trusted());
    let generation = group.nodes[0].cache.generation();
    group.beat().await;
    assert!(group.nodes[0].cache.is_trusted());
    group.truth.gate.release();
    reader.await.unwrap();
    assert!(generation > Generation(1));
    assert_eq!(group.nodes[0].cache.sizes().l2_entries, 0, "served, not stored");
    assert_eq!(group.nodes[0].cache.stats().refused, 1);
}

/// Table 7 row 1 in many interleavings: a read that started before the change and ends after it never leaves the old
/// value in any tier. The change comes over either road, or both, at every step of the fill.
#[tokio::test(start_paused = true)]
async fn no_stale_fill_survives_in_10_000_interleavings() {
    let group = Arc::new(Group::new(2).await);
    for round in 0..10_000_u64 {
        let of = key(round);
        group.commit(&of, 1);
        let reader = held(&group, 0, round).await;
        group.commit(&of, 2);
        let roads = round % 3;
        for _ in 0..round % 7 {
            tokio::task::yield_now().await;
        }
        let invalidate = || group.nodes[0].cache.changed(&of, Version::new(1, 2), &[]);
        let release_first = round.is_multiple_of(2);
        if release_first {
            group.truth.gate.release();
            for _ in 0..round % 11 {
                tokio::task::yield_now().await;
            }
        }
        if roads != 1 {
            invalidate().await.unwrap();
        }
        if roads != 0 {
            let change = group.change(&of, &[]);
            group.publisher.lock().await.publish(&change, SourceMark::default()).await.unwrap();
        }
        if !release_first {
            group.truth.gate.release();
        }
        reader.await.unwrap();
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let report = group.nodes[0].cache.explain(&of).await;
        for tier in [report.l1, report.l2, report.l3.unwrap()].into_iter().flatten() {
            assert!(!tier.served || tier.version == Version::new(1, 2), "round {round}: {tier:?}");
        }
        assert_eq!(group.nodes[0].get(&group, &of).await.version, Version::new(1, 2), "round {round}");
        if round.is_multiple_of(500) {
            group.beat().await;
        }
    }
}
