//! A follower recovers from whatever fails on its way. Each of these once did not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coherence::backplane::MemoryBackplaneLimits;
use coherence::*;

use super::group::*;
use super::sick::*;

/// Follower, session.rs: the head is adopted before everything is compared, and the comparison belongs to the session. A
/// subscription that is lost in between takes it along; the next session finds its position at the stream's end, and
/// the lease is prolonged over documents that nobody compared.
#[tokio::test(start_paused = true)]
async fn a_comparison_that_the_loss_of_the_subscription_broke_off_is_done_again() {
    let limits = MemoryBackplaneLimits { stream_messages: 5, ..Default::default() };
    let group = Group::with(1, CacheConfig::default(), limits).await;
    let node = &group.nodes[0];
    for n in 0..20 {
        group.write(&key(n), 1).await;
        node.get(&group, &key(n)).await;
    }
    node.lossy.cut(true);
    for n in 0..20 {
        group.write(&key(n), 2).await;
    }
    // The source is asked for versions, since L3 lost its own; it does not answer soon.
    for n in 0..20 {
        group.shared.evict_versions(&key(n));
    }
    group.truth.versions_gate.shut();
    node.lossy.cut(false);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(node.handle.status().resyncing, "the comparison runs, and waits for the source");
    // The subscription is lost for a moment.
    node.lossy.cut(true);
    tokio::time::sleep(Duration::from_millis(100)).await;
    node.lossy.cut(false);
    group.truth.versions_gate.release();
    group.pass(Duration::from_secs(10)).await;
    assert!(node.cache.is_trusted());
    for n in 0..20 {
        assert_eq!(node.at(&group, &key(n)).await.1, 2, "key {n}: unmarked, and more than 10 s old");
    }
}

/// The same where the comparison failed (the source was down) and waited to be tried again.
#[tokio::test(start_paused = true)]
async fn a_comparison_that_failed_is_not_forgotten_with_its_session() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    // A change that the feed lost: a new epoch begins, and only a comparison with the source can show it.
    group.commit(&key(1), 2);
    group.truth.down.store(true, Ordering::SeqCst);
    group.begin_epoch().await;
    settle().await;
    group.pass(Duration::from_secs(1)).await;
    node.lossy.cut(true);
    tokio::time::sleep(Duration::from_millis(100)).await;
    node.lossy.cut(false);
    group.truth.down.store(false, Ordering::SeqCst);
    group.pass(Duration::from_secs(20)).await;
    assert!(node.cache.is_trusted());
    assert_eq!(node.at(&group, &key(1)).await.1, 2, "20 s after the commit, unmarked");
}

/// The first two without any loss of the subscription: `on_tick` begins a comparison that was put off, and in the same call
/// finds the subscription deaf, and ends the session with the comparison that has not had its first turn.
#[tokio::test(start_paused = true)]
async fn a_comparison_that_begins_in_a_deaf_session_is_not_forgotten() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    // Calls fail and deliveries are lost; an operator asks for a comparison, which is put off.
    node.lossy.mute(true);
    node.lossy.decide(|_| coherence::testing::Fate::Lose);
    node.handle.request_resync();
    group.write(&key(1), 2).await;
    group.pass(Duration::from_secs(5)).await;
    node.lossy.mute(false);
    node.lossy.decide(|_| coherence::testing::Fate::Deliver);
    group.pass(Duration::from_secs(20)).await;
    assert!(node.cache.is_trusted());
    assert_eq!(node.at(&group, &key(1)).await.1, 2, "25 s after the commit, unmarked");
}

/// session.rs `run`: `biased`, the tick first, and its call waits up to 500 ms while the tick is due every 250 ms. Where
/// the stored head cannot be had (the connection for calls hangs, the one for deliveries is well), a suspect follower
/// looks without end and never takes a delivery again.
#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_does_not_starve_the_deliveries() {
    let group = Group::new(0).await;
    let sick = Sick::new(&group.backplane);
    let node = node_over(&group, group.shared.clone(), sick.clone());
    settle().await;
    group.settle().await;
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    assert!(node.cache.is_trusted());
    sick.head_hangs.store(true, Ordering::SeqCst);
    group.pass(Duration::from_secs(5)).await;
    assert!(node.cache.is_trusted(), "deliveries alone prolong the lease");
    // A pause of the beacon (a take-over) makes it suspect. Then the beacon is back.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!node.cache.is_trusted());
    let heads = node.cache.stats().heads;
    group.pass(Duration::from_secs(30)).await;
    assert!(node.cache.stats().heads > heads + 10, "beacons are delivered and not taken: {:?}", node.cache.stats());
    assert!(node.cache.is_trusted());
}

/// verify.rs: the bulk question to the shared tier has no deadline, alone among the follower's calls. One answer that never
/// comes leaves the instance suspect for ever.
#[tokio::test(start_paused = true)]
async fn a_bulk_question_that_hangs_is_given_up() {
    let group = Group::new(0).await;
    let shared = Arc::new(HangingVersions { inner: group.shared.clone(), hangs: AtomicU64::new(0) });
    let node = node_over(&group, shared.clone(), Arc::new(group.backplane.clone()));
    settle().await;
    group.settle().await;
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    shared.hangs.store(1, Ordering::SeqCst);
    group.begin_epoch().await;
    settle().await;
    group.pass(Duration::from_secs(60)).await;
    assert!(node.cache.is_trusted(), "a minute after one lost answer: {:?}", node.handle.status());
}

/// A node misses a change while its stream answers as `spoil` says; a minute later it must have recovered by a comparison.
async fn recovers_around(spoil: impl FnOnce(&Sick)) {
    let group = Group::new(0).await;
    let sick = Sick::new(&group.backplane);
    let node = node_over(&group, group.shared.clone(), sick.clone());
    settle().await;
    group.settle().await;
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    spoil(&sick);
    node.lossy.cut(true);
    group.write(&key(1), 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    node.lossy.cut(false);
    group.pass(Duration::from_secs(60)).await;
    assert!(node.cache.is_trusted(), "a minute after the stream could not be read: {:?}", node.cache.stats());
}

/// session.rs `replay`: an error that does not pass (`is_retryable` is false) is treated like one that does. The gap stays
/// open for ever, although a comparison of all versions would close it.
#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_read_is_compared_around() {
    recovers_around(|sick| sick.replay_is_corrupt.store(true, Ordering::SeqCst)).await;
}

/// The same where a whole page of 500 messages does not pass the line within the deadline: it is asked for again and again
/// in the same size.
#[tokio::test(start_paused = true)]
async fn a_page_of_the_stream_that_is_too_long_for_its_deadline_is_compared_around() {
    recovers_around(|sick| sick.replay_is_slow.store(true, Ordering::SeqCst)).await;
}
