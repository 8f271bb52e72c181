//! The races of the research's table 7, each forced. A test says which mechanism it fails without.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use coherence::*;

use super::support::*;

/// Row 1, stale set. Without the question to the floor in fill.rs `read_source` the old value is answered. (The floor's
/// comparison at the moment of storing guards the instant between that question and the store; only real threads reach
/// it: see stress.rs, which fails without it.)
#[tokio::test(start_paused = true)]
async fn an_old_read_cannot_fill_after_the_change() {
    let world = World::new();
    world.source.put(&key(1), 1);
    let reader = world.held_get(&key(1)).await;
    world.write(&key(1), 2).await;
    world.source.gate.release();
    assert_eq!(reader.await.unwrap().version.id.0, 2, "not even answered: the flight read again");
    for (level, version) in world.held(&key(1)).await {
        assert_eq!(version, 2, "{level:?} holds the old value");
    }
}

/// Row 1, L3 alone, by another instance that knows nothing of the change. Without the fill token in the shared tier its
/// old value stays there for 300 s.
#[tokio::test(start_paused = true)]
async fn an_old_read_of_another_instance_cannot_fill_the_shared_tier() {
    let world = World::new();
    let other = World::beside(CacheConfig::default(), Arc::clone(&world.source), Arc::clone(&world.shared));
    world.source.put(&key(1), 1);
    let reader = other.held_get(&key(1)).await;
    world.write(&key(1), 2).await;
    world.source.gate.release();
    reader.await.unwrap();
    assert_eq!(world.cache.stats().shared_stored + other.cache.stats().shared_stored, 0);
    assert_eq!(other.cache.stats().shared_refused, 1);
    assert_eq!(world.get(&key(1)).await.version.id.0, 2);
}

/// Row 2, the floor is gone before the old fill lands. Without `Table::forgotten` (floors.rs `admits`) the fill is judged
/// by an empty table and stored.
#[tokio::test(start_paused = true)]
async fn an_old_read_cannot_fill_after_its_floor_was_forgotten() {
    let world = World::with(CacheConfig { floors_max: 2, ..CacheConfig::default() });
    world.source.put(&key(1), 1);
    let reader = world.held_get(&key(1)).await;
    world.write(&key(1), 2).await;
    for n in 10..13 {
        world.told(&key(n), 1).await;
    }
    assert_eq!(world.cache.stats().floors_forgotten, 2);
    world.source.gate.release();
    assert_eq!(reader.await.unwrap().version.id.0, 2, "read again");
    assert!(world.held(&key(1)).await.iter().all(|(_, version)| *version == 2));
}

/// The floor table over capacity while L3 missed the change. Without the amnesia in fill.rs `find_shared` the next miss
/// takes L3's old value; without the removal in core.rs `forget_surplus` L2 answers with it.
#[tokio::test(start_paused = true)]
async fn a_forgotten_floor_keeps_reads_away_from_what_may_be_below_it() {
    let world = World::with(CacheConfig { floors_max: 2, ..CacheConfig::default() });
    world.source.put(&key(1), 1);
    world.get(&key(1)).await;
    world.shared.deaf.store(true, Ordering::SeqCst);
    // Shown by a list: L2 keeps the document below the floor as the base of a patch to come.
    world.source.put(&key(1), 2);
    world.cache.shown(&[(key(1), Version::new(1, 2))]);
    for n in 10..13 {
        world.told(&key(n), 1).await;
    }
    let answer = world.get(&key(1)).await;
    assert_eq!((answer.level, answer.version.id.0), (Level::L4, 2));
}

/// Row 3, the metadata says new, the value is old. Without the comparison of the value's own version with the floor
/// (fill.rs `find_shared`) a shared tier that lost the change answers with the old value; without `SharedStep::Behind` it
/// goes on doing so to instances that know nothing of the change.
#[tokio::test(start_paused = true)]
async fn a_shared_value_below_what_is_known_is_not_believed() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.get(&key(1)).await;
    world.shared.deaf.store(true, Ordering::SeqCst);
    world.write(&key(1), 2).await;
    world.shared.deaf.store(false, Ordering::SeqCst);
    let answer = world.get(&key(1)).await;
    assert_eq!((answer.level, answer.version.id.0), (Level::L4, 2));
    let other = World::beside(CacheConfig::default(), Arc::clone(&world.source), Arc::clone(&world.shared));
    assert_eq!(other.get(&key(1)).await.version.id.0, 2, "L3 was raised on the way, for those who know nothing");
}

/// Row 24, stampede. Without `Flights::board` each caller loads for itself.
#[tokio::test(start_paused = true)]
async fn a_thousand_readers_of_a_cold_key_make_one_load_and_one_shared_write() {
    for _ in 0..100 {
        let world = World::new();
        world.source.put(&key(1), 1);
        let readers: Vec<_> = (0..1_000)
            .map(|_| {
                let world = world.clone();
                tokio::spawn(async move { world.get(&key(1)).await.version.id.0 })
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 1);
        }
        assert_eq!((world.source.loads(), world.shared.fills.load(Ordering::SeqCst)), (1, 1));
    }
}

/// Row 24 on real threads, where a caller may miss just before a flight lands and board just after. (What keeps that
/// caller from loading again is forced in the unit test of fill.rs.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_real_threads() {
    for round in 0..100 {
        let world = World::new();
        world.source.put(&key(round), 1);
        let readers: Vec<_> = (0..1_000)
            .map(|_| {
                let world = world.clone();
                tokio::spawn(async move { world.get(&key(round)).await.version.id.0 })
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 1);
        }
        assert_eq!((world.source.loads(), world.shared.fills.load(Ordering::SeqCst)), (1, 1), "round {round}");
    }
}

/// Row 25, a fill that broadcasts itself. Were `Reason::Shown` treated as a change, every read would announce one.
#[tokio::test(start_paused = true)]
async fn a_fill_announces_nothing() {
    let world = World::new();
    world.source.put(&key(1), 1);
    let mut events = world.cache.events();
    world.get(&key(1)).await;
    assert!(events.try_recv().is_err());
    assert_eq!(world.shared.raises.load(Ordering::SeqCst), 0, "nor does it raise the shared version");
    world.told(&key(1), 1).await;
    world.told(&key(1), 1).await;
    let change = CacheEvent::DataChanged { key: key(1), version: Some(Version::new(1, 1)) };
    assert_eq!(events.try_recv(), Ok(change), "the change itself is announced, although its version was shown before");
    assert!(events.try_recv().is_err(), "once");
}

/// Row 31, the first caller hangs up. Were the fill not spawned (flight.rs `board`), its waiters would get nothing.
#[tokio::test(start_paused = true)]
async fn a_cancelled_caller_cancels_nobody_elses_fill() {
    let world = World::new();
    world.source.put(&key(1), 1);
    let first = world.held_get(&key(1)).await;
    let second = tokio::spawn({
        let world = world.clone();
        async move { world.get(&key(1)).await }
    });
    tokio::task::yield_now().await;
    first.abort();
    tokio::task::yield_now().await;
    world.source.gate.release();
    assert_eq!(second.await.unwrap().version.id.0, 1);
    assert_eq!(world.source.loads(), 1);
    assert_eq!(world.get(&key(1)).await.level, Level::L1);
}

/// Row 34, a cached absence hides an insert. Without the floor on absences the old absence stays, or lands afterwards.
#[tokio::test(start_paused = true)]
async fn an_absence_does_not_hide_an_insert() {
    let world = World::new();
    assert!(world.get(&key(1)).await.absent);
    world.write(&key(1), 1).await;
    assert!(!world.get(&key(1)).await.absent);

    let reader = world.held_get(&key(2)).await;
    world.write(&key(2), 1).await;
    world.source.gate.release();
    assert!(!reader.await.unwrap().absent, "the absence in the air was not answered");
    assert!(!world.get(&key(2)).await.absent);
}

/// A caller that joins a flight begun before its own write. Without `satisfies` in cache.rs it is answered with the
/// value that the flight had already fetched and stored.
#[tokio::test(start_paused = true)]
async fn a_caller_is_not_answered_by_a_flight_from_before_its_own_write() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.shared.fill_gate.shut();
    let first = tokio::spawn({
        let world = world.clone();
        async move { world.get(&key(1)).await }
    });
    // The flight has its value and hangs in the write to L3.
    world.shared.fill_gate.someone().await;
    world.write(&key(1), 2).await;
    let second = tokio::spawn({
        let world = world.clone();
        async move { world.get(&key(1)).await }
    });
    tokio::task::yield_now().await;
    world.shared.fill_gate.release();
    assert_eq!(first.await.unwrap().version.id.0, 1, "its request came before the write");
    assert_eq!(second.await.unwrap().version.id.0, 2);
    assert_eq!(world.cache.stats().joins, 1, "it did join the flight, and was not content");
    assert!(world.held(&key(1)).await.iter().all(|(_, version)| *version == 2));
}

/// The versions of a key are evicted from the shared tier between the miss and the fill. Were a missing token taken for
/// a valid one (shared/memory.rs `fill`), the old value would be stored although a change passed by unseen.
#[tokio::test(start_paused = true)]
async fn a_fill_whose_token_was_evicted_is_not_stored() {
    let world = World::new();
    let other = World::beside(CacheConfig::default(), Arc::clone(&world.source), Arc::clone(&world.shared));
    world.source.put(&key(1), 1);
    let reader = other.held_get(&key(1)).await;
    world.write(&key(1), 2).await;
    world.shared.inner.evict_versions(&key(1));
    world.source.gate.release();
    reader.await.unwrap();
    assert_eq!(world.shared.inner.sizes().0, 0);
    assert_eq!(world.get(&key(1)).await.version.id.0, 2);
}

/// Delete and re-create. Did the new row begin at version 1 again, or an absence carry no version, one of the old
/// states would win against the new one.
#[tokio::test(start_paused = true)]
async fn neither_the_old_row_nor_its_absence_survives_a_delete_and_a_re_creation() {
    let world = World::new();
    world.source.put(&key(1), 1);
    let old_row = world.held_get(&key(1)).await;
    world.source.delete(&key(1), 2);
    world.told(&key(1), 2).await;
    world.source.gate.release();
    assert!(old_row.await.unwrap().absent);

    world.cache.drop_l1(&key(1));
    world.cache.drop_l2(&key(1));
    let old_absence = world.held_get(&key(1)).await;
    world.write(&key(1), 3).await;
    world.source.gate.release();
    let answer = old_absence.await.unwrap();
    assert!(!answer.absent && answer.version.id.0 == 3);
    let held = world.held(&key(1)).await;
    assert!(held.iter().all(|(_, version)| *version == 3), "{held:?}");
}

/// A fill that spans a new generation is served but not stored. Without the store gate (core.rs `store_in`) it lands in
/// the emptied tiers.
#[tokio::test(start_paused = true)]
async fn a_fill_from_before_a_clear_is_not_stored() {
    let world = World::new();
    world.source.put(&key(1), 1);
    let reader = world.held_get(&key(1)).await;
    world.cache.clear();
    world.source.gate.release();
    assert_eq!(reader.await.unwrap().version.id.0, 1);
    assert_eq!(world.held(&key(1)).await, [], "nothing of it is held, in L3 neither");
}

/// A caller of a new generation does not join a flight of the old one. Without the comparison in cache.rs `board` it is
/// answered by what began before the loss of certainty.
#[tokio::test(start_paused = true)]
async fn a_flight_of_an_old_generation_is_not_joined() {
    let world = World::new();
    world.source.put(&key(1), 1);
    let first = world.held_get(&key(1)).await;
    world.cache.begin_generation();
    // The change was missed; only the generation tells.
    world.source.put(&key(1), 2);
    let second = tokio::spawn({
        let world = world.clone();
        async move { world.get(&key(1)).await }
    });
    let own = tokio::time::timeout(Duration::from_secs(1), world.source.gate.someone()).await;
    assert!(own.is_ok(), "the second caller joined the old flight");
    world.source.gate.release();
    assert_eq!(second.await.unwrap().version.id.0, 2);
    assert_eq!(first.await.unwrap().version.id.0, 1);
    assert_eq!(world.get(&key(1)).await.version.id.0, 2);
}

/// An invalidation without a version is a barrier. Without `Floor::barrier` the fill in the air is stored, and without
/// the skip of L3 (fill.rs `find_shared`) the next read takes what a slower instance put there.
#[tokio::test(start_paused = true)]
async fn an_invalidation_without_a_version_is_a_barrier() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.get(&key(1)).await;
    world.cache.drop_l1(&key(1));
    world.cache.drop_l2(&key(1));
    world.shared.drop_values_for_a_miss(&key(1)).await;
    let reader = world.held_get(&key(1)).await;
    // The version does not tell the two apart: somebody's program forgot it.
    world.source.put_document(&key(1), Document::present(Version::new(1, 1), r#"{"v":"new"}"#));
    world.cache.invalidate(&key(1), &[]).await.unwrap();
    world.source.gate.release();
    let answer = reader.await.unwrap();
    assert_eq!(answer.view.body.as_deref(), Some(&br#"{"v":"new"}"#[..]), "read again");
    let next = world.get(&key(1)).await;
    assert_eq!(next.view.body.as_deref(), Some(&br#"{"v":"new"}"#[..]));
}

/// After a barrier the next read goes to the source, whatever L3 says.
#[tokio::test(start_paused = true)]
async fn after_a_barrier_the_next_read_goes_to_the_source() {
    let world = World::new();
    world.source.put(&key(1), 1);
    world.get(&key(1)).await;
    world.shared.deaf.store(true, Ordering::SeqCst);
    let _ = world.cache.invalidate(&key(1), &[]).await;
    assert_eq!(world.get(&key(1)).await.level, Level::L4);
}
