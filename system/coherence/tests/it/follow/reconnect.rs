//! A group that was away comes back: only what changed is fetched, and hardly from the source.

use std::sync::atomic::Ordering;
use std::time::Duration;

use coherence::backplane::MemoryBackplaneLimits;
use coherence::*;

use super::group::*;

const KEYS: u64 = 10_000;
const CHANGED: u64 = 300;

async fn away(stream_messages: usize) -> (Group, u64) {
    let limits = MemoryBackplaneLimits { stream_messages, ..MemoryBackplaneLimits::default() };
    let group = Group::with(3, CacheConfig::default(), limits).await;
    for n in 0..KEYS {
        group.commit(&key(n), 1);
    }
    for n in 0..KEYS {
        for node in &group.nodes {
            node.get(&group, &key(n)).await;
        }
        if n % 500 == 0 {
            group.beat().await;
        }
    }
    let loads = group.truth.loads();
    assert_eq!(loads, KEYS, "the other two instances were served by L3");
    // The instances are cut off for 60 s, the writer is not.
    for node in &group.nodes {
        node.lossy.cut(true);
    }
    for n in 0..CHANGED {
        group.write(&key(7 * n), 2).await;
    }
    group.pass(Duration::from_secs(60)).await;
    for node in &group.nodes {
        assert!(!node.cache.is_trusted());
        node.lossy.cut(false);
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    group.pass(Duration::from_secs(1)).await;
    (group, loads)
}

async fn all_right(group: &Group) {
    for node in &group.nodes {
        assert!(node.cache.is_trusted());
        for n in 0..CHANGED {
            assert_eq!(node.get(group, &key(7 * n)).await.version.id.0, 2);
        }
        assert_eq!(node.get(group, &key(1)).await.version.id.0, 1);
    }
}

/// The stream reaches back: patches alone repair it, nothing is fetched at all.
#[tokio::test(start_paused = true)]
async fn the_stream_repairs_a_group_that_was_away() {
    let (group, loads) = away(1_000).await;
    for node in &group.nodes {
        let stats = node.cache.stats();
        assert_eq!((stats.patched, stats.refetched), (CHANGED, 0));
    }
    all_right(&group).await;
    assert_eq!(group.truth.loads(), loads, "the source saw nothing of it");
}

/// It does not: all 10,000 versions are compared with the shared tier's, and only what changed is fetched, from there.
#[tokio::test(start_paused = true)]
async fn beyond_the_stream_only_what_changed_is_fetched() {
    let (group, loads) = away(100).await;
    for node in &group.nodes {
        let stats = node.cache.stats();
        assert_eq!((stats.patched, stats.refetched), (0, CHANGED), "{stats:?}");
    }
    all_right(&group).await;
    assert_eq!(group.truth.loads(), loads, "at most one read per changed key for the group; here L3 had them all");
    assert_eq!(group.truth.asked.load(Ordering::SeqCst), 0);
    for node in &group.nodes {
        for n in 0..KEYS {
            assert!(node.cache.explain(&key(n)).await.l2.is_some_and(|tier| tier.served), "{n} is tracked still");
        }
    }
}
