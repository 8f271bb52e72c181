//! Real threads: what the forced interleavings cannot reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coherence::*;

use super::support::*;

const KEYS: u64 = 4;
const WRITES_PER_KEY: u64 = 2_000;

/// Writers raise each key's version; a reader that begins after a write was acknowledged never sees less (C4), and no
/// reader ever sees the future (C2) or goes back by itself (C1). Tiers of a few entries evict all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_never_go_back_while_writers_write_and_tiers_evict() {
    for config in [
        CacheConfig::default(),
        CacheConfig { floors_max: 2, stamps_max: 4, l1_bytes: 1_200, l2_bytes: 1_500, ..CacheConfig::default() },
    ] {
        let world = World::with(config);
        let committed: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
        let writers: Vec<_> =
            (0..KEYS).map(|n| tokio::spawn(write(world.clone(), Arc::clone(&committed), n))).collect();
        let readers: Vec<_> = (0..8).map(|_| tokio::spawn(read(world.clone(), Arc::clone(&committed)))).collect();
        for task in writers.into_iter().chain(readers) {
            task.await.unwrap();
        }
        let stats = world.cache.stats();
        assert!(stats.hits_l1 > 0 && stats.loads > 0, "{stats:?}");
    }
}

async fn write(world: World, committed: Arc<Vec<AtomicU64>>, n: u64) {
    for version in 1..=WRITES_PER_KEY {
        world.write(&key(n), version).await;
        committed[n as usize].store(version, Ordering::SeqCst);
        if version % 16 == 0 {
            tokio::time::sleep(Duration::from_micros(50)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

async fn read(world: World, committed: Arc<Vec<AtomicU64>>) {
    let mut seen = [0; KEYS as usize];
    while (0..KEYS as usize).any(|n| seen[n] < WRITES_PER_KEY) {
        for n in 0..KEYS {
            let acknowledged = committed[n as usize].load(Ordering::SeqCst);
            let answer = world.get(&key(n)).await;
            let version = answer.version.id.0;
            assert!(
                version >= acknowledged,
                "C4: {version} after {acknowledged} was acknowledged {:?} {:?}",
                answer.level,
                world.cache.stats()
            );
            assert!(version >= seen[n as usize], "C1: {version} after {} was seen", seen[n as usize]);
            assert!(version <= world.source.read(&key(n)).version.id.0, "C2: {version} was never committed");
            seen[n as usize] = version;
        }
        tokio::task::yield_now().await;
    }
}
