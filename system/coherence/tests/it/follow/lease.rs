//! The lease: what is trusted, for how long, and what happens without it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use coherence::testing::Fate;
use coherence::*;
use jiff::SignedDuration;

use super::group::*;

const MS: Duration = Duration::from_millis(1);

/// Without the check of the lease in `peek` and `find_document` the local tiers would answer before anybody vouched for
/// them, and for ever after the beacon fell silent.
#[tokio::test(start_paused = true)]
async fn without_a_head_everything_is_read_at_the_source_and_nothing_stored() {
    let group = Group::silent(Default::default());
    let node = group.node(1, CacheConfig::default());
    settle().await;
    group.commit(&key(1), 1);
    for n in 1..=3 {
        assert_eq!(node.at(&group, &key(1)).await, (Level::L4, 1));
        assert_eq!(group.truth.loads(), n);
    }
    assert!(!node.cache.is_trusted() && node.cache.sizes().l2_entries == 0);
    assert_eq!(group.shared.sizes().0, 0, "a suspect instance stores nothing");
    // The first head makes it trusted, without a new subscription.
    group.begin_epoch().await;
    settle().await;
    tokio::time::sleep(300 * MS).await;
    group.beat().await;
    assert!(node.cache.is_trusted());
    node.get(&group, &key(1)).await;
    assert_eq!(node.at(&group, &key(1)).await, (Level::L1, 1));
}

/// The beacon falls silent: 3.5 s after the source was last read to its end the instance is suspect. No unmarked answer
/// is older than that.
#[tokio::test(start_paused = true)]
async fn a_silent_beacon_ends_the_lease() {
    let group = Group::new(2).await;
    group.write(&key(1), 1).await;
    group.beat().await;
    let last_beat = tokio::time::Instant::now();
    for node in &group.nodes {
        node.get(&group, &key(1)).await;
    }
    // Nobody tells of this write: the feed is dead.
    group.commit(&key(1), 2);
    while last_beat.elapsed() < LEASE - 10 * MS {
        assert_eq!(group.nodes[0].at(&group, &key(1)).await, (Level::L1, 1), "within the bound");
        tokio::time::sleep(100 * MS).await;
    }
    tokio::time::sleep_until(last_beat + LEASE).await;
    assert_eq!(group.nodes[0].at(&group, &key(1)).await, (Level::L4, 2));
    tokio::time::sleep(300 * MS).await;
    for node in &group.nodes {
        assert!(!node.cache.is_trusted() && !node.handle.status().trusted);
        assert_eq!(node.at(&group, &key(1)).await, (Level::L4, 2));
        assert_eq!(node.cache.stats().suspicions, 1);
    }
    // The beacon is back, and the stream brings what was missed: all is trusted again.
    group.publish(&key(1)).await;
    group.beat().await;
    for node in &group.nodes {
        assert!(node.cache.is_trusted());
        assert_eq!(node.at(&group, &key(1)).await.1, 2);
        assert_eq!(node.cache.stats().suspicions, 1);
    }
}

/// A burst of old beacons after a stall. Did the lease count from the receipt, each would prolong it.
#[tokio::test(start_paused = true)]
async fn a_burst_of_old_beacons_is_worth_nothing() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    group.beat().await;
    node.get(&group, &key(1)).await;
    let old = group.read_at();
    tokio::time::sleep(Duration::from_secs(10)).await;
    group.commit(&key(1), 2);
    for n in 0..12 {
        group.beat_at(old.checked_add(SignedDuration::from_millis(500 * n)).unwrap()).await;
        assert!(!node.cache.is_trusted());
        assert_eq!(node.at(&group, &key(1)).await, (Level::L4, 2));
    }
}

/// An old beacon that arrives late must not shorten or prolong anything either.
#[tokio::test(start_paused = true)]
async fn a_late_beacon_prolongs_nothing() {
    let group = Group::new(1).await;
    let old = group.read_at();
    group.pass(Duration::from_secs(2)).await;
    let last = tokio::time::Instant::now();
    group.beat_at(old).await;
    tokio::time::sleep_until(last + LEASE - MS).await;
    assert!(group.nodes[0].cache.is_trusted());
    tokio::time::sleep_until(last + LEASE).await;
    assert!(!group.nodes[0].cache.is_trusted());
}

/// A wall clock that steps: forward it ends the lease at once, backward beyond the bound its beacons are refused. Without
/// the wall deadline an instance whose machine slept would go on; without the refusal a slow clock would prolong.
#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_steps_ends_the_lease() {
    let group = Group::new(2).await;
    group.nodes[0].clock.step(Duration::from_secs(60));
    assert!(!group.nodes[0].cache.is_trusted());
    group.nodes[1].clock.step_back(Duration::from_secs(60));
    group.pass(Duration::from_secs(4)).await;
    for node in &group.nodes {
        assert!(!node.cache.is_trusted());
    }
    assert!(group.nodes[1].cache.stats().heads_refused >= 7);
    group.nodes[0].clock.step_back(Duration::from_secs(60));
    group.nodes[1].clock.step(Duration::from_secs(60));
    group.pass(Duration::from_secs(1)).await;
    for node in &group.nodes {
        assert!(node.cache.is_trusted());
    }
    // Within the bound nothing happens, and nothing is prolonged by it.
    group.nodes[0].clock.step_back(Duration::from_millis(900));
    group.pass(Duration::from_secs(2)).await;
    let last = tokio::time::Instant::now();
    assert!(group.nodes[0].cache.is_trusted());
    tokio::time::sleep_until(last + LEASE).await;
    assert!(!group.nodes[0].cache.is_trusted());
}

/// The clocks of the whole place are set back together. A beacon from before that is from the future now: did it count as
/// the freshest, it would hide all others, and a deafness, until the clocks are as far again (found by the simulation).
#[tokio::test(start_paused = true)]
async fn clocks_that_are_set_back_together_cost_one_lease_at_most() {
    let group = Group::new(2).await;
    let step = Duration::from_secs(60);
    group.pass(Duration::from_secs(1)).await;
    group.clock.step_back(step);
    group.nodes.iter().for_each(|node| node.clock.step_back(step));
    group.pass(Duration::from_secs(4)).await;
    assert!(group.nodes[0].cache.is_trusted());
    // Deaf right after the step: what was heard last seems to be fresher than anything.
    group.nodes[1].lossy.decide(|_| Fate::Lose);
    group.clock.step_back(step);
    group.nodes.iter().for_each(|node| node.clock.step_back(step));
    group.pass(Duration::from_secs(6)).await;
    assert!(group.nodes[1].cache.stats().subscriptions >= 2);
}

/// The subscription is deaf (nothing arrives, nobody says so), and the stored head is fresh: the instance subscribes anew
/// and catches up. While it is suspect, L3 is trusted, since its head is fresh.
#[tokio::test(start_paused = true)]
async fn a_deaf_subscription_is_noticed_and_replaced() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    node.lossy.decide(|_| Fate::Lose);
    group.write(&key(1), 2).await;
    group.pass(Duration::from_secs(3)).await;
    assert_eq!(node.at(&group, &key(1)).await.1, 1, "the lease still holds");
    group.pass(Duration::from_secs(2)).await;
    assert!(node.cache.stats().subscriptions >= 2);
    assert_eq!(node.at(&group, &key(1)).await.1, 2, "the stream told it");
}

/// Suspect, and L3's own head is old: L3 is not trusted, since the sync may be as dead as the beacon. Without the check in
/// `find_shared` the old value would be served for 300 s.
#[tokio::test(start_paused = true)]
async fn l3_is_trusted_only_while_its_head_is_fresh() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    group.backplane.set_down(true);
    group.commit(&key(1), 2);
    tokio::time::sleep(LEASE + 300 * MS).await;
    assert_eq!(node.at(&group, &key(1)).await, (Level::L4, 2));
    // Mended, and the sync still silent: the stored head is old.
    group.backplane.set_down(false);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(node.at(&group, &key(1)).await, (Level::L4, 2));
    // The sync is back.
    group.publish(&key(1)).await;
    group.beat().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(node.at(&group, &key(1)).await, (Level::L3, 2));
}

/// Suspect, and the source is down too: the last good answer, marked stale, within the stale age, and never below its
/// floor.
#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_marked_bounded_and_not_below_its_floor() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    for n in 1..=2 {
        group.write(&key(n), 1).await;
        node.get(&group, &key(n)).await;
    }
    let options = ReadOptions { max_stale: Some(Duration::from_secs(30)), ..ReadOptions::default() };
    tokio::time::sleep(LEASE + 300 * MS).await;
    group.truth.down.store(true, Ordering::SeqCst);
    let stale = node.get_with(&group, &key(1), options.clone()).await.unwrap();
    assert!(stale.stale && stale.version == Version::new(1, 1));
    node.cache.changed(&key(2), Version::new(1, 2), &[]).await.unwrap();
    assert!(node.get_with(&group, &key(2), options.clone()).await.is_err(), "it is known to be old");
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(node.get_with(&group, &key(1), options.clone()).await.unwrap().stale);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(node.get_with(&group, &key(1), options).await.is_err(), "the stale age counts from the lease's end");
}

/// A comparison of all versions takes long, and beacons are fine: the lease is not prolonged over the open gap.
#[tokio::test(start_paused = true)]
async fn a_long_resync_under_valid_beacons_prolongs_nothing() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    // The stream is another one, and the source hangs when it is asked for versions.
    group.truth.versions_gate.shut();
    group.begin_epoch().await;
    settle().await;
    group.commit(&key(1), 2);
    group.pass(Duration::from_secs(4)).await;
    assert!(!node.cache.is_trusted(), "beacons came, and nothing is verified");
    assert_eq!(node.at(&group, &key(1)).await.1, 2);
    group.truth.versions_gate.release();
    settle().await;
    group.beat().await;
    assert!(node.cache.is_trusted());
    assert_eq!(node.at(&group, &key(1)).await.1, 2);
}

/// What is verified again and again is not old: `Age` counts from the last beacon.
#[tokio::test(start_paused = true)]
async fn the_age_counts_from_the_last_verification() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    group.pass(Duration::from_secs(120)).await;
    let answer = node.get(&group, &key(1)).await;
    assert_eq!(answer.level, Level::L2, "L1 lives 60 s, L2 as long as the lease");
    assert!(answer.age < Duration::from_secs(1), "{:?}", answer.age);
    assert_eq!(group.truth.loads(), 0, "the shared tier had it from the stream");
}
