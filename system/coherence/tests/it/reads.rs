//! The read path: which tier answers when, for how long, and what happens when the source is slow or gone.

use std::sync::atomic::Ordering;
use std::time::Duration;

use coherence::*;
use tokio::time::advance;

use super::support::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_read_goes_down_the_tiers_and_comes_back_up() {
    let world = World::new();
    world.source.put(&key(1), 7);
    let first = world.get(&key(1)).await;
    assert_eq!((first.level, first.age), (Level::L4, Duration::ZERO));
    advance(10 * SECOND).await;
    let second = world.get(&key(1)).await;
    assert_eq!((second.level, second.age), (Level::L1, 10 * SECOND));
    advance(50 * SECOND).await;
    let third = world.get(&key(1)).await;
    assert_eq!((third.level, third.age), (Level::L2, 60 * SECOND), "L1 lives 60 s");
    assert_eq!(world.get(&key(1)).await.level, Level::L1, "L2 filled L1 again");
    world.cache.drop_l1(&key(1));
    world.cache.drop_l2(&key(1));
    let fourth = world.get(&key(1)).await;
    assert_eq!((fourth.level, fourth.age), (Level::L3, 60 * SECOND));
    world.cache.drop_l1(&key(1));
    assert_eq!(world.get(&key(1)).await.level, Level::L2, "L3 filled L2 again");
    for answer in [second, third, fourth] {
        assert_eq!((answer.view, answer.version), (first.view.clone(), first.version));
    }
    assert_eq!(world.source.loads(), 1);
    advance(300 * SECOND).await;
    assert_eq!(world.get(&key(1)).await.level, Level::L4, "L2 and L3 live 300 s from the read at the source");
}

#[tokio::test(start_paused = true)]
async fn an_absence_is_cached_briefly_and_never_shared() {
    let world = World::new();
    let first = world.get(&key(1)).await;
    assert!(first.absent && first.level == Level::L4);
    assert_eq!(world.get(&key(1)).await.level, Level::L1);
    assert_eq!(world.shared.fills.load(Ordering::SeqCst), 0);
    advance(5 * SECOND).await;
    assert_eq!(world.get(&key(1)).await.level, Level::L4);
}

#[tokio::test(start_paused = true)]
async fn a_minimum_version_passes_by_older_tiers_and_is_an_error_where_the_source_is_behind() {
    let mut world = World::new();
    world.source.put(&key(1), 3);
    world.get(&key(1)).await;
    world.source.put(&key(1), 4);
    world.options.min_version = Some(Version::new(1, 4));
    let answer = world.get(&key(1)).await;
    assert_eq!((answer.level, answer.version.id.0), (Level::L4, 4));
    world.options.min_version = Some(Version::new(1, 5));
    assert!(matches!(world.try_get(&key(1)).await, Err(ReadError::BelowMinimum { actual }) if actual.id.0 == 4));
    assert!(world.get(&key(2)).await.absent, "a row that is absent at the source satisfies any minimum");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_down_is_hidden_by_what_expired_up_to_the_stale_age() {
    let mut world = World::new();
    world.source.put(&key(1), 3);
    world.get(&key(1)).await;
    world.source.down.store(true, Ordering::SeqCst);
    world.shared.down.store(true, Ordering::SeqCst);
    advance(301 * SECOND).await;
    assert!(matches!(world.try_get(&key(1)).await, Err(ReadError::Load(error)) if error.retryable));
    world.options.max_stale = Some(600 * SECOND);
    let stale = world.get(&key(1)).await;
    assert!(stale.stale && stale.version.id.0 == 3);
    assert_eq!(world.cache.stats().stale, 1);
    world.told(&key(1), 4).await;
    assert!(world.try_get(&key(1)).await.is_err(), "the floor forbids it");
    world.source.put(&key(2), 1);
}

#[tokio::test(start_paused = true)]
async fn past_the_stale_age_there_is_no_answer() {
    let mut world = World::new();
    world.options.max_stale = Some(10 * SECOND);
    world.source.put(&key(1), 3);
    world.get(&key(1)).await;
    world.source.down.store(true, Ordering::SeqCst);
    world.shared.down.store(true, Ordering::SeqCst);
    advance(309 * SECOND).await;
    assert!(world.get(&key(1)).await.stale, "L2 expired 9 s ago");
    advance(2 * SECOND).await;
    assert!(world.try_get(&key(1)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn after_the_soft_timeout_the_stale_value_is_answered_and_the_fill_goes_on() {
    let mut world = World::new();
    world.options.max_stale = Some(600 * SECOND);
    world.options.soft_timeout = Some(Duration::from_millis(100));
    world.source.put(&key(1), 3);
    world.get(&key(1)).await;
    advance(301 * SECOND).await;
    world.source.put(&key(1), 4);
    let reader = world.held_get(&key(1)).await;
    let answer = reader.await.unwrap();
    assert!(answer.stale && answer.version.id.0 == 3);
    world.source.gate.release();
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let answer = world.get(&key(1)).await;
    assert_eq!((answer.level, answer.version.id.0), (Level::L1, 4), "the fill landed by itself");
}

#[tokio::test(start_paused = true)]
async fn a_fill_ends_at_its_hard_timeout() {
    let world = World::new();
    world.source.put(&key(1), 3);
    world.source.gate.shut();
    let started = tokio::time::Instant::now();
    assert!(matches!(world.try_get(&key(1)).await, Err(ReadError::Timeout)));
    assert_eq!(started.elapsed(), 2 * SECOND);
    world.source.gate.release();
    assert_eq!(world.get(&key(1)).await.level, Level::L4, "the board is clear again");
}

#[tokio::test(start_paused = true)]
async fn jitter_only_shortens_lives_and_differs_between_keys() {
    let mut world = World::new();
    world.options.jitter = 0.5;
    for n in 0..64 {
        world.source.put(&key(n), 1);
        world.get(&key(n)).await;
    }
    let live = |world: &World| (0..64).filter(|n| world.cache.peek(key(*n).as_str(), None).is_some()).count();
    advance(29 * SECOND).await;
    assert_eq!(live(&world), 64);
    advance(16 * SECOND).await;
    let half_way = live(&world);
    assert!((8..56).contains(&half_way), "{half_way} of 64 live after 45 s");
    advance(15 * SECOND).await;
    assert_eq!(live(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shared_tier_that_is_down_costs_answers_nothing() {
    let world = World::new();
    world.shared.down.store(true, Ordering::SeqCst);
    world.source.put(&key(1), 3);
    let mut events = world.cache.events();
    assert_eq!(world.get(&key(1)).await.level, Level::L4);
    assert!(matches!(events.try_recv(), Ok(CacheEvent::SharedTierFailed { .. })));
    world.source.put(&key(1), 4);
    assert!(world.cache.changed(&key(1), Version::new(1, 4), &[]).await.is_err(), "the caller is told");
    assert_eq!(world.get(&key(1)).await.version.id.0, 4, "and everything else was done");
}

#[tokio::test(start_paused = true)]
async fn a_higher_incarnation_empties_all_tiers() {
    let world = World::new();
    world.source.put(&key(1), 900);
    world.source.put(&key(2), 5);
    world.get(&key(1)).await;
    world.get(&key(2)).await;
    world.source.put_document(&key(1), Document::present(Version::new(2, 1), "{}"));
    world.cache.observe_incarnation(Incarnation(2));
    let answer = world.get(&key(1)).await;
    assert_eq!((answer.level, answer.version), (Level::L4, Version::new(2, 1)), "L3's value is of the old life");
    assert!(world.cache.peek(key(2).as_str(), None).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_tag_evicts_entries_in_every_tier_and_those_being_filled() {
    let mut world = World::new();
    let tag = Tag::new("company:1").unwrap();
    world.options.tags = [tag.clone()].into();
    for n in 1..=3 {
        world.source.put(&key(n), 1);
    }
    world.get(&key(1)).await;
    advance(SECOND).await;
    let reader = world.held_get(&key(2)).await;
    world.source.put(&key(2), 2);
    world.cache.evict_tag(&tag);
    world.source.gate.release();
    reader.await.unwrap();
    assert_eq!(world.get(&key(1)).await.level, Level::L4, "L1, L2 and L3 held what the tag evicted");
    assert_eq!(world.get(&key(2)).await.version.id.0, 2, "the fill that was in the air is not answered again");
}
