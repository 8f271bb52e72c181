//! Losses, and how each is noticed and repaired (C5).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coherence::backplane::{BackplaneDelivery, MemoryBackplaneLimits};
use coherence::stream::ChangeMessage;
use coherence::testing::Fate;
use coherence::*;

use super::group::*;

/// Loses the change messages with these sequences.
fn lose(node: &Node, sequences: &'static [u64]) {
    node.lossy.decide(move |delivery| match delivery {
        BackplaneDelivery::Change(payload)
            if sequences.contains(&ChangeMessage::read(payload).unwrap().sequence.unwrap().0) =>
        {
            Fate::Lose
        }
        _ => Fate::Deliver,
    });
}

/// Table 7 row 4: the last message of an idle key is lost. Without the sequence in the head nobody would notice.
#[tokio::test(start_paused = true)]
async fn a_lost_last_message_is_repaired_by_the_next_beacon() {
    let group = Group::new(2).await;
    lose(&group.nodes[0], &[2]);
    group.write(&key(1), 1).await;
    for node in &group.nodes {
        node.get(&group, &key(1)).await;
    }
    group.write(&key(1), 2).await;
    assert_eq!(group.nodes[0].at(&group, &key(1)).await.1, 1, "lost");
    assert_eq!(group.nodes[1].at(&group, &key(1)).await.1, 2);
    tokio::time::sleep(Duration::from_millis(500)).await;
    group.beat().await;
    assert_eq!(group.nodes[0].at(&group, &key(1)).await, (Level::L2, 2), "patched from the stream");
    let stats = group.nodes[0].cache.stats();
    assert_eq!((stats.gaps, stats.replays, stats.resyncs, stats.pulls), (1, 1, 1, 0), "one resync was the first one");
}

/// Table 7 row 5: in a busy section the next message shows it, whatever key that is of.
#[tokio::test(start_paused = true)]
async fn a_lost_message_is_repaired_at_the_next_message_of_any_key() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    lose(node, &[3, 4]);
    for n in 1..=2 {
        group.write(&key(n), 1).await;
        node.get(&group, &key(n)).await;
    }
    group.write(&key(1), 2).await;
    group.write(&key(1), 3).await;
    assert_eq!(node.at(&group, &key(1)).await.1, 1);
    group.write(&key(2), 2).await;
    assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 3));
    assert_eq!(node.at(&group, &key(2)).await, (Level::L2, 2));
}

/// Reordered: the later one shows a jump, the repair brings both, and the late one is known then.
#[tokio::test(start_paused = true)]
async fn reordered_messages_end_in_order() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    let count = Arc::new(AtomicU64::new(0));
    node.lossy.decide(move |delivery| match delivery {
        BackplaneDelivery::Change(_) if count.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => Fate::Delay,
        _ => Fate::Deliver,
    });
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    for version in 2..=9 {
        group.write(&key(1), version).await;
    }
    group.beat().await;
    assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 9));
    assert!(node.cache.stats().gaps >= 3);
}

/// The lease is not prolonged while a gap is open, also if the beacon arrives. Without the comparison with the head's
/// sequence it would be.
#[tokio::test(start_paused = true)]
async fn the_lease_is_not_prolonged_over_an_open_gap() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    // Heads arrive; the message is lost, and the stream cannot be read.
    lose(node, &[2]);
    group.write(&key(1), 2).await;
    node.lossy.mute(true);
    // Sooner than the end of what the first heads after the loss would prolong it to.
    group.pass(Duration::from_millis(3_700)).await;
    assert!(!node.cache.is_trusted(), "{:?}", node.cache.stats());
    group.pass(Duration::from_millis(1_300)).await;
    assert!(!node.cache.is_trusted(), "{:?}", node.cache.stats());
    assert_eq!(node.at(&group, &key(1)).await, (Level::L3, 2), "its head, which arrives, is fresh");
}

/// The stream does not reach back: everything is compared. Without the fall-back the instance would stay in the gap.
#[tokio::test(start_paused = true)]
async fn a_gap_beyond_the_stream_compares_everything() {
    let limits = MemoryBackplaneLimits { stream_messages: 10, ..Default::default() };
    let group = Group::with(1, CacheConfig::default(), limits).await;
    let node = &group.nodes[0];
    for n in 0..20 {
        group.write(&key(n), 1).await;
        node.get(&group, &key(n)).await;
    }
    node.lossy.decide(|delivery| match delivery {
        BackplaneDelivery::Change(_) => Fate::Lose,
        _ => Fate::Deliver,
    });
    for n in 0..15 {
        group.write(&key(n), 2).await;
    }
    let loads = group.truth.loads();
    node.lossy.decide(|_| Fate::Deliver);
    group.beat().await;
    settle().await;
    group.beat().await;
    assert!(node.cache.is_trusted());
    for n in 0..20 {
        assert_eq!(node.at(&group, &key(n)).await.1, if n < 15 { 2 } else { 1 });
    }
    let stats = node.cache.stats();
    assert_eq!(stats.resyncs, 2, "the first one, and this one");
    assert_eq!(group.truth.loads(), loads, "L3 served what differs");
    assert_eq!(group.truth.asked.load(Ordering::SeqCst), 0, "L3 knows the versions of its stream");
}

/// The shared tier and the stream fall back to an older copy of themselves. Without the stream's epoch the old values
/// would be served, and the old sequence believed.
#[tokio::test(start_paused = true)]
async fn an_older_copy_of_the_shared_tier_is_not_believed() {
    let group = Group::new(2).await;
    group.write(&key(1), 1).await;
    group.write(&key(2), 1).await;
    let (values, stream) = (group.shared.snapshot(), group.backplane.snapshot());
    group.write(&key(1), 2).await;
    let [knows, new] = &group.nodes[..] else { panic!("two") };
    knows.get(&group, &key(1)).await;
    knows.get(&group, &key(2)).await;
    group.shared.fall_back(values);
    group.backplane.fall_back(stream);
    // The sync notices that its servers are others before its next head.
    let refused = group.publisher.lock().await.announce(Incarnation(1), SourceMark::default(), group.read_at()).await;
    assert!(matches!(refused, Err(PublishError::OutOfStep)), "{refused:?}");
    group.begin_epoch().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    group.beat().await;
    for node in [knows, new] {
        assert!(node.cache.is_trusted());
        assert_eq!(node.at(&group, &key(1)).await.1, 2);
        assert_eq!(node.at(&group, &key(2)).await.1, 1);
    }
    assert!(group.truth.asked.load(Ordering::SeqCst) >= 2, "only the source can tell what is current");
}

/// Other servers with the very same stream: values may be an older copy all the same. Without the comparison of identities
/// the stream would go on.
#[tokio::test(start_paused = true)]
async fn other_servers_begin_another_epoch() {
    let group = Group::new(1).await;
    group.write(&key(1), 1).await;
    let values = group.shared.snapshot();
    group.write(&key(1), 2).await;
    group.shared.fall_back(values);
    group.backplane.fall_back(group.backplane.snapshot());
    let mut publisher = group.publisher.lock().await;
    let refused = publisher.announce(Incarnation(1), SourceMark::default(), group.read_at()).await;
    assert!(matches!(refused, Err(PublishError::OutOfStep)), "{refused:?}");
    let continued = publisher.claim(Fence { incarnation: Incarnation(1), token: FencingToken(2) }).await.unwrap();
    assert_eq!(continued, None, "a successor does not continue it either");
}

/// What L1 holds beyond L2 is compared with nothing. Without dropping it, it would be answered after a resync.
#[tokio::test(start_paused = true)]
async fn what_is_not_tracked_does_not_outlive_a_resync() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    node.cache.drop_l2(&key(1));
    assert_eq!(node.at(&group, &key(1)).await, (Level::L1, 1));
    group.commit(&key(1), 2);
    group.begin_epoch().await;
    settle().await;
    group.beat().await;
    assert!(node.cache.is_trusted());
    assert_eq!(node.at(&group, &key(1)).await.1, 2);
}

/// A message that cannot be read leaves its place empty: the next head shows the jump, the stream has the same unreadable
/// message, and everything is compared. Without the comparison the gap would stay open.
#[tokio::test(start_paused = true)]
async fn an_unreadable_message_is_a_gap() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    // Both steps of the change, the second one garbled.
    group.commit(&key(1), 2);
    let fence = Fence { incarnation: Incarnation(1), token: FencingToken(1) };
    let head = group.backplane.head(&group.section).await.unwrap().unwrap();
    let (version, epoch) = (Version::new(1, 2), head.stream_epoch);
    let write = SharedWrite { fence, version, epoch, value: None, ttl: Duration::ZERO };
    group.shared.write(&key(1), write).await.unwrap();
    let head = Head { sequence: head.sequence.next(), ..head };
    let publication =
        coherence::backplane::Publication { fence, head, data_key: "1".into(), payload: "not JSON".into() };
    group.backplane.publish(&group.section, publication).await.unwrap();
    settle().await;
    assert_eq!(node.cache.stats().unreadable, 1);
    assert_eq!(node.at(&group, &key(1)).await.1, 1, "nobody knows yet what it was about");
    group.publisher.lock().await.claim(fence).await.unwrap();
    group.beat().await;
    settle().await;
    group.beat().await;
    assert!(node.cache.is_trusted());
    assert_eq!(node.at(&group, &key(1)).await.1, 2);
    assert_eq!(node.cache.stats().resyncs, 2);
}

/// A new incarnation empties all tiers, although its versions are lower.
#[tokio::test(start_paused = true)]
async fn a_restored_database_empties_all_tiers() {
    let group = Group::new(2).await;
    group.write(&key(1), 1).await;
    group.write(&key(1), 7).await;
    for node in &group.nodes {
        assert_eq!(node.at(&group, &key(1)).await.1, 7);
    }
    group.restore().await;
    group.beat().await;
    for node in &group.nodes {
        let answer = node.get(&group, &key(1)).await;
        assert_eq!(answer.version, Version::new(2, 1));
        assert_eq!(node.cache.incarnation(), Incarnation(2));
    }
    // A zombie of the old life changes nothing.
    let mut zombie = group.publisher.lock().await;
    let claimed = zombie.claim(Fence { incarnation: Incarnation(1), token: FencingToken(9) }).await;
    assert!(matches!(claimed, Err(PublishError::Fenced { .. })));
}
