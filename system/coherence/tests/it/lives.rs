//! What outlives what: floors and values, deadlines and answers. Found by attacking the cache; each test says what it fails
//! without.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use coherence::shared::{MemorySharedTier, MemorySharedTierLimits};
use coherence::testing::{Seed, TestClock};
use coherence::*;

use super::support::*;

/// Past the life of floors that L3 is known to have reached; the raises of other keys sweep what is over.
async fn past_floor_life(world: &World) {
    tokio::time::advance(Duration::from_secs(16)).await;
    for n in 100..104 {
        world.told(&key(n), 1).await;
    }
}

/// L3 was not told of a write. Did the floor end after its 15 s (`Held::owed` in floors.rs), L3's value would come back.
#[tokio::test(start_paused = true)]
async fn what_l3_was_not_told_does_not_come_back_from_it() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.get(&key(1)).await;
    world.shared.deaf.store(true, Ordering::SeqCst);
    world.write(&key(1), 2).await;
    world.shared.deaf.store(false, Ordering::SeqCst);
    past_floor_life(&world).await;
    assert_eq!(world.get(&key(1)).await.version.id.0, 2);
}

/// The same after a list showed a version that nobody announced.
#[tokio::test(start_paused = true)]
async fn what_a_list_showed_is_not_undone_by_l3() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.get(&key(1)).await;
    world.cache.drop_l1(&key(1));
    world.cache.drop_l2(&key(1));
    world.source.put(&key(1), 2);
    world.cache.shown(&[(key(1), Version::new(1, 2))]);
    past_floor_life(&world).await;
    assert_eq!(world.get(&key(1)).await.version.id.0, 2);
}

/// A floor that L3 has reached need not be kept. Without `settle` each write would hold its place for 315 s.
#[tokio::test(start_paused = true)]
async fn a_floor_that_l3_has_reached_ends_soon() {
    let world = World::new();
    world.write(&key(1), 2).await;
    world.get(&key(2)).await;
    past_floor_life(&world).await;
    past_floor_life(&world).await;
    assert!(world.cache.sizes().floors <= 5, "{} floors", world.cache.sizes().floors);
}

/// Were the barrier of an eviction not owed (write.rs `evict_tag`), L3 would answer with what it was about when it is over.
#[tokio::test(start_paused = true)]
async fn evicting_a_keys_own_tag_holds_for_l3_too() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.get(&key(1)).await;
    world.source.put(&key(1), 2);
    world.cache.evict_tag(&key(1).tag());
    past_floor_life(&world).await;
    assert_eq!(world.get(&key(1)).await.version.id.0, 2);
}

/// Were L3 filled inside the hard timeout, a hanging L3 would cost an answer that the source has given.
#[tokio::test(start_paused = true)]
async fn an_l3_that_hangs_costs_no_answer() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.shared.fill_gate.shut();
    let begun = tokio::time::Instant::now();
    assert_eq!(world.get(&key(1)).await.version.id.0, 1);
    assert_eq!(begun.elapsed(), world.options.shared_timeout);
    assert_eq!(world.cache.stats().shared_errors, 1);
}

/// A source that lags behind what is known. Did the last read go unchecked (fill.rs `read_source`), it would be answered.
#[tokio::test(start_paused = true)]
async fn a_source_that_lags_behind_the_floor_is_not_believed() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.told(&key(1), 2).await;
    assert!(matches!(world.try_get(&key(1)).await, Err(ReadError::BelowMinimum { actual }) if actual.id.0 == 1));
}

/// A shared tier that answers late, and is deaf.
struct Late {
    inner: MemorySharedTier,
    gate: Gate,
}

#[async_trait]
impl SharedTier for Late {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        let found = self.inner.get(key, token, epoch).await;
        self.gate.pass().await;
        found
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        self.inner.fill(key, token, value, ttl).await
    }

    async fn raise(&self, _key: &Key, _version: Version) -> Result<(), SharedError> {
        Err(SharedError::Unavailable(None))
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        self.inner.write(key, write).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        self.inner.versions(keys, epoch).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        self.inner.drop_key(key).await
    }
}

/// The floor is forgotten while the look into L3 is on its way. Were it asked for only afterwards (fill.rs `fill`), the
/// old value would be answered.
#[tokio::test(start_paused = true)]
async fn a_floor_forgotten_during_the_look_into_l3_still_binds_it() {
    let source = Source::new();
    let limits = MemorySharedTierLimits::default();
    let late = Arc::new(Late { inner: MemorySharedTier::new(limits), gate: Gate::default() });
    let config = CacheConfig { floors_max: 1, ..CacheConfig::default() };
    let cache = Cache::new(config, Plain, Arc::clone(&late) as _, Seed::rng(1), TestClock::new());
    let options = ReadOptions::default();
    source.put(&key(1), 1);
    cache.get_or_load(&key(1), &options, &source.loader()).await.unwrap();
    source.put(&key(1), 2);
    let _ = cache.changed(&key(1), Version::new(1, 2), &[]).await;
    late.gate.shut();
    let reader = tokio::spawn({
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        async move { cache.get_or_load(&key(1), &options, &source.loader()).await.unwrap() }
    });
    late.gate.someone().await;
    // Another key pushes the floor out.
    let _ = cache.changed(&key(2), Version::new(1, 1), &[]).await;
    late.gate.release();
    assert_eq!(reader.await.unwrap().version.id.0, 2);
}

#[tokio::test(start_paused = true)]
async fn lives_without_end_are_no_overflow() {
    let mut world = World::new();
    world.options = ReadOptions {
        ttl: Duration::MAX,
        shared_ttl: Duration::MAX,
        negative_ttl: Duration::MAX,
        max_stale: Some(Duration::MAX),
        ..ReadOptions::default()
    };
    world.source.put(&key(1), 1);
    assert_eq!(world.get(&key(1)).await.level, Level::L4);
    assert!(world.get(&key(2)).await.absent);
    assert_eq!(world.get(&key(1)).await.level, Level::L1);
}

/// A fill that outlives the floors, as in a process that was frozen: its timeout is due, but its answer is there first. Did
/// `sweep` in floors.rs not remember when the floors that are gone were raised, the old value would land unjudged.
#[tokio::test(start_paused = true)]
async fn no_fill_outlives_the_floors_that_judge_it() {
    let mut world = World::new();
    world.options.hard_timeout = Duration::from_secs(30);
    world.source.put(&key(1), 1);
    world.source.gate.shut();
    let reader = tokio::spawn({
        let world = world.clone();
        async move { world.try_get(&key(1)).await.map(|answer| answer.version.id.0) }
    });
    world.source.gate.someone().await;
    world.write(&key(1), 2).await;
    past_floor_life(&world).await;
    world.source.gate.release();
    assert_ne!(reader.await.unwrap().ok(), Some(1));
    assert_eq!(world.get(&key(1)).await.version.id.0, 2);
}

/// A herd that asks for more than there is. Did a joiner not accept the word of a flight that began after it came
/// (cache.rs `read_through`), each would ask the source for itself.
#[tokio::test(start_paused = true)]
async fn a_herd_that_wants_the_future_asks_the_source_a_few_times_only() {
    let mut world = World::new();
    world.source.put(&key(1), 1);
    world.get(&key(1)).await;
    world.options.min_version = Some(Version::new(1, 2));
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.try_get(&key(1)).await.is_err() })
        })
        .collect();
    for reader in readers {
        assert!(reader.await.unwrap());
    }
    assert!(world.source.loads() <= 5, "{} loads", world.source.loads());
}
