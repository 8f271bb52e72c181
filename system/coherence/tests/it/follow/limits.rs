//! What happens at each limit.

use std::time::Duration;

use coherence::backplane::MemoryBackplaneLimits;
use coherence::follower::{FOLLOWED_MAX, Followed};
use coherence::*;
use tokio::sync::broadcast::error::RecvError;

use super::group::*;

/// A subscriber that does not keep up is told that it lost messages; it catches up from the stream.
#[tokio::test(start_paused = true)]
async fn a_backlog_beyond_its_bound_is_a_loss() {
    let limits = MemoryBackplaneLimits { backlog: 8, ..Default::default() };
    let group = Group::with(1, CacheConfig::default(), limits).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    // All at once: the follower has no turn in between.
    let mut publisher = group.publisher.lock().await;
    for version in 2..=50 {
        group.commit(&key(1), version);
        publisher.publish(&group.change(&key(1), &[]), SourceMark::default()).await.unwrap();
    }
    drop(publisher);
    tokio::time::sleep(Duration::from_millis(500)).await;
    group.beat().await;
    assert!(node.cache.stats().subscriptions >= 2);
    assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 50));
}

/// A listener that does not keep up is told how many it lost.
#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_told() {
    let group = Group::new(1).await;
    let mut heard = group.nodes[0].handle.listen();
    for version in 1..=FOLLOWED_MAX as u64 + 10 {
        group.commit(&key(1), version);
        group.publish(&key(1)).await;
    }
    assert!(matches!(heard.recv().await, Err(RecvError::Lagged(_))));
    assert!(matches!(heard.recv().await, Ok(Followed::Change { .. })));
}

/// A key that is written as fast as it goes: the stream's and the writer's memory stay within their bounds, the instances
/// end equal.
#[tokio::test(start_paused = true)]
async fn a_busy_key_grows_nothing_without_bound() {
    let limits = MemoryBackplaneLimits { stream_messages: 500, stream_bytes: 1 << 20, ..Default::default() };
    let group = Group::with(3, CacheConfig::default(), limits).await;
    group.write(&key(1), 1).await;
    for node in &group.nodes {
        node.get(&group, &key(1)).await;
    }
    for version in 2..=10_001 {
        group.write(&key(1), version).await;
        if version % 500 == 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            group.beat().await;
        }
    }
    let (messages, bytes) = group.backplane.stream_sizes(&group.section);
    assert!(messages <= 500 && bytes <= 1 << 20);
    assert_eq!(group.publisher.lock().await.bases().0, 1);
    for node in &group.nodes {
        assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 10_001));
    }
}

/// A zombie that wakes after a take-over is refused at both steps.
#[tokio::test(start_paused = true)]
async fn a_zombie_is_refused_at_both_steps() {
    let group = Group::new(1).await;
    group.write(&key(1), 1).await;
    let mut zombie = group.publisher.lock().await;
    let mut successor = publisher::Publisher::new(
        group.section.clone(),
        std::sync::Arc::clone(&group.shared) as _,
        std::sync::Arc::new(group.backplane.clone()),
        group.clock.clone(),
        testing::Seed::rng(99),
        "successor",
        publisher::PublisherConfig::default(),
    );
    let next = Fence { incarnation: Incarnation(1), token: FencingToken(2) };
    assert!(successor.claim(next).await.unwrap().is_some(), "the stream goes on");
    group.commit(&key(1), 2);
    successor.publish(&group.change(&key(1), &[]), SourceMark::default()).await.unwrap();
    let mut change = group.change(&key(1), &[]);
    change.version = Version::new(1, 3);
    let refused = zombie.publish(&change, SourceMark::default()).await;
    assert!(matches!(refused, Err(PublishError::Fenced { by }) if by == next), "the first step: {refused:?}");
    change.key = key(2);
    let refused = zombie.publish(&change, SourceMark::default()).await;
    assert!(matches!(refused, Err(PublishError::Fenced { .. })), "the second step, on a key that it did not meet");
    let refused = zombie.announce(Incarnation(1), SourceMark::default(), group.read_at()).await;
    assert!(matches!(refused, Err(PublishError::Fenced { .. })));
    settle().await;
    assert_eq!(group.nodes[0].at(&group, &key(1)).await.1, 2);
}

/// The shared tier was told of a later version already, as by the other road: the first step leaves it, the second follows.
/// Without that the stream would miss a change, and the base of the next patch.
#[tokio::test(start_paused = true)]
async fn an_older_version_is_told_all_the_same() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    group.shared.raise(&key(1), Version::new(1, 3)).await.unwrap();
    group.write(&key(1), 2).await;
    group.write(&key(1), 3).await;
    assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 3));
    assert_eq!((node.cache.stats().patched, node.cache.stats().pulls), (2, 0));
}

/// A message that was written and whose answer was lost is not published twice.
#[tokio::test(start_paused = true)]
async fn a_publication_that_took_effect_is_recognised() {
    let group = Group::new(1).await;
    group.write(&key(1), 1).await;
    let mark = SourceMark { tracker_counter: 77, ..SourceMark::default() };
    let head = group.backplane.head(&group.section).await.unwrap().unwrap();
    group.commit(&key(1), 2);
    let change = group.change(&key(1), &[]);
    // What the lost try did, seen from the backplane.
    let publication = backplane::Publication {
        fence: Fence { incarnation: Incarnation(1), token: FencingToken(1) },
        head: Head { sequence: head.sequence.next(), source: mark, ..head.clone() },
        data_key: "1".into(),
        payload: "{}".into(),
    };
    group.backplane.publish(&group.section, publication).await.unwrap();
    let mut publisher = group.publisher.lock().await;
    publisher.publish(&change, mark).await.unwrap();
    assert_eq!(group.backplane.head(&group.section).await.unwrap().unwrap().sequence, head.sequence.next());
    // Another one at its place is not it.
    let other = SourceMark { tracker_counter: 78, ..mark };
    publisher.publish(&change, other).await.unwrap();
    assert_eq!(publisher.head().unwrap().sequence.0, head.sequence.0 + 2);
}
