//! Without a change feed: several writers tell their changes themselves.

use std::sync::Arc;
use std::time::Duration;

use coherence::follower::{Follower, FollowerConfig};
use coherence::publisher::{Publisher, PublisherConfig};
use coherence::testing::{LossyBackplane, Seed, TestClock};
use coherence::*;

use super::group::{Group, document, key, settle};

struct Program {
    cache: Cache<Plain>,
    writer: Writer,
}

fn program(group: &Group, seed: u64) -> Program {
    let clock = TestClock::new();
    let config = CacheConfig { freshness: Freshness::Backplane, ..CacheConfig::default() };
    let cache = Cache::new(config, Plain, Arc::clone(&group.shared) as _, Seed::rng(seed), clock.clone());
    let backplane: Arc<dyn Backplane> = Arc::new(LossyBackplane::new(Arc::new(group.backplane.clone())));
    let loader = group.truth.clone();
    let follower =
        Follower::new(cache.clone(), Arc::clone(&backplane), group.section.clone(), loader, FollowerConfig::default());
    tokio::spawn(follower.run());
    let publisher = Publisher::new(
        group.section.clone(),
        Arc::clone(&group.shared) as _,
        backplane,
        clock.clone(),
        Seed::rng(seed + 100),
        format!("program-{seed}"),
        PublisherConfig::default(),
    );
    Program { cache, writer: Writer::new(publisher, clock) }
}

#[tokio::test(start_paused = true)]
async fn several_writers_share_a_section() {
    let group = Group::silent(Default::default());
    let programs = [program(&group, 1), program(&group, 2)];
    for program in &programs {
        let writer = program.writer.clone();
        tokio::spawn(async move { writer.run(Duration::from_millis(500)).await });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    for version in 1..=20 {
        group.commit(&key(1), version);
        let by = &programs[version as usize % 2];
        let body = document(&key(1), version).body;
        by.writer.changed(&key(1), Version::new(1, version), body, &[]).await.unwrap();
        settle().await;
        for program in &programs {
            assert!(program.cache.is_trusted());
            let options = ReadOptions::default();
            let answer = program.cache.get_or_load(&key(1), &options, &(group.truth.clone() as _)).await.unwrap();
            assert_eq!(answer.version, Version::new(1, version));
        }
    }
    assert_eq!(group.truth.loads(), 0, "the writers told all");
    let stats = programs.each_ref().map(|program| program.cache.stats());
    assert!(stats.iter().all(|stats| stats.gaps == 0 && stats.patched >= 9), "{stats:?}");
}

/// At the same moment: each continues where the other left the stream, and no change is lost.
#[tokio::test(start_paused = true)]
async fn writers_at_the_same_moment_lose_nothing() {
    let group = Arc::new(Group::silent(Default::default()));
    let programs = Arc::new([program(&group, 1), program(&group, 2)]);
    for program in programs.iter() {
        program.writer.beat().await.unwrap();
    }
    let mut tasks = Vec::new();
    for by in 0..2 {
        let (group, programs) = (Arc::clone(&group), Arc::clone(&programs));
        tasks.push(tokio::spawn(async move {
            for n in 0..50 {
                let of = key(2 * n + by);
                group.commit(&of, 1);
                let body = document(&of, 1).body;
                let writer = &programs[by as usize].writer;
                while let Err(error) = writer.changed(&of, Version::new(1, 1), body.clone(), &[]).await {
                    assert!(error.is_retryable(), "{error}");
                    tokio::time::sleep(Duration::from_millis(1 + by)).await;
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let head = group.backplane.head(&group.section).await.unwrap().unwrap();
    assert_eq!(head.sequence, Sequence(100));
    settle().await;
    for program in programs.iter() {
        assert_eq!(program.cache.stats().changes_applied, 100);
    }
}
