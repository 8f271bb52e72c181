//! Fills that last, hang, or span a change of the stream. Each of these once answered what was too old.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coherence::backplane::{Backplane, MemoryBackplaneLimits};
use coherence::follower::{Follower, FollowerConfig};
use coherence::testing::{Seed, TestClock};
use coherence::*;

use super::group::*;

/// fill.rs, options.rs: with `hard_timeout` at what the floors' life allows, a flight that somebody joins has read the
/// source up to 7.5 s ago. C3 is stated as 5 s, whatever the options are.
#[tokio::test(start_paused = true)]
async fn a_joined_flight_of_a_suspect_instance_is_not_older_than_the_bound() {
    let group = Arc::new(Group::silent(MemoryBackplaneLimits::default()));
    let node = Arc::new(group.node(1, CacheConfig::default()));
    let options = ReadOptions { hard_timeout: Duration::from_millis(7_400), ..ReadOptions::default() };
    group.commit(&key(1), 1);
    group.truth.gate.shut();
    let first = tokio::spawn({
        let (group, node, options) = (group.clone(), node.clone(), options.clone());
        async move { node.get_with(&group, &key(1), options).await }
    });
    group.truth.gate.someone().await;
    group.commit(&key(1), 2);
    tokio::time::sleep(Duration::from_secs(7)).await;
    // The source has been at version 2 for 7 s.
    let second = tokio::spawn({
        let (group, node) = (group.clone(), node.clone());
        async move { node.get_with(&group, &key(1), options).await }
    });
    settle().await;
    group.truth.gate.release();
    first.await.unwrap().unwrap();
    let answer = second.await.unwrap().unwrap();
    assert_eq!(answer.version.id.0, 2, "7 s behind at the receipt of the request, stale: {}", answer.stale);
}

/// cache.rs `read_through`: whoever joins a flight checks its generation and the floors, and never its age. A process that
/// was frozen while an answer of the source lay in its socket wakes; a request that comes now joins that flight before the
/// follower notices the lapse (C3). `tokio::time::timeout` asks its future first, so the deadline does not help.
#[tokio::test(start_paused = true)]
async fn a_flight_that_was_frozen_with_its_process_answers_no_request_of_after_that() {
    let group = Arc::new(Group::new(1).await);
    group.commit(&key(1), 1);
    group.truth.gate.shut();
    let first = tokio::spawn({
        let group = group.clone();
        async move { group.nodes[0].get(&group, &key(1)).await }
    });
    group.truth.gate.someone().await;
    group.commit(&key(1), 2);
    // The source has answered; the process stands still for 10 s; then a request comes.
    group.truth.gate.release();
    let late = async { group.nodes[0].get(&group, &key(1)).await };
    let ((), answer) = tokio::join!(biased; tokio::time::advance(Duration::from_secs(10)), late);
    first.await.unwrap();
    assert_eq!(
        (answer.version.id.0, answer.stale),
        (2, false),
        "committed 10 s before the request; answered by {:?}, read {:?} ago",
        answer.level,
        answer.age
    );
}

/// Holds the thread that armed it at its second look at the clock: right after a fill was stored locally (`keep` notes it in
/// the history), and right before it goes to L3 (`share`).
struct Trap {
    inner: Arc<TestClock>,
    armed: std::sync::Mutex<Option<(std::thread::ThreadId, u32)>>,
    entered: AtomicBool,
    open: AtomicBool,
}

impl WallClock for Trap {
    fn now(&self) -> Timestamp {
        let springs = {
            let mut armed = self.armed.lock().unwrap();
            match &mut *armed {
                Some((thread, looks)) if *thread == std::thread::current().id() => {
                    *looks -= 1;
                    let springs = *looks == 0;
                    if springs {
                        *armed = None;
                    }
                    springs
                }
                _ => false,
            }
        };
        if springs {
            self.entered.store(true, Ordering::SeqCst);
            for _ in 0..2_000 {
                if self.open.load(Ordering::SeqCst) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.inner.now()
    }
}

struct Arming {
    truth: Arc<Truth>,
    trap: Arc<Trap>,
}

#[async_trait]
impl Loader for Arming {
    async fn load(&self, key: &Key) -> Result<Document, LoadError> {
        let found = self.truth.read(key);
        *self.trap.armed.lock().unwrap() = Some((std::thread::current().id(), 2));
        Ok(found)
    }
}

/// keep.rs `share`: the epoch under which a fill goes to L3 is asked for when it goes, not when the miss was seen. On real
/// threads a resync fits between the two: what was read in the old epoch is stored as a value of the new one, `versions`
/// then calls it exact, and every instance believes it for 300 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fill_of_the_old_epoch_is_no_value_of_the_new_one() {
    let group = Group::new(1).await;
    let trap = Arc::new(Trap {
        inner: TestClock::new(),
        armed: std::sync::Mutex::new(None),
        entered: AtomicBool::new(false),
        open: AtomicBool::new(false),
    });
    let config = CacheConfig { freshness: Freshness::EndToEnd, ..CacheConfig::default() };
    let cache = Cache::new(config, Plain, group.shared.clone() as _, Seed::rng(5), trap.clone());
    let follower = Follower::new(
        cache.clone(),
        Arc::new(group.backplane.clone()),
        group.section.clone(),
        group.truth.clone(),
        FollowerConfig::default(),
    );
    let handle = follower.handle();
    tokio::spawn(follower.run());
    tokio::time::sleep(Duration::from_millis(100)).await;
    group.beat().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(cache.is_trusted());

    group.commit(&key(1), 1);
    let loader: Arc<dyn Loader> = Arc::new(Arming { truth: group.truth.clone(), trap: trap.clone() });
    let reader = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_load(&key(1), &ReadOptions::default(), &loader).await.unwrap() }
    });
    while !trap.entered.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // L2 has no room for it: else the comparison would find it, and its refetch would mend L3 too.
    cache.drop_l2(&key(1));
    // The change of key 1 is in a hole of the feed: it is told to nobody, and a new epoch begins.
    group.commit(&key(1), 2);
    group.begin_epoch().await;
    let head = group.backplane.head(&group.section).await.unwrap().unwrap();
    while handle.status().epoch != Some(head.stream_epoch) || handle.status().resyncing {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    trap.open.store(true, Ordering::SeqCst);
    assert_eq!(reader.await.unwrap().version.id.0, 1, "its request came before");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let known = group.shared.versions(&[key(1)], head.stream_epoch).await.unwrap();
    group.beat().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = group.nodes[0].get(&group, &key(1)).await;
    assert_eq!(answer.version.id.0, 2, "from {:?}; L3 says {known:?}", answer.level);
}

/// write.rs: reads bound each call of L3 by `shared_timeout`; `changed` and `invalidate` bound none. A writer whose L3 hangs
/// is never answered, and an invalidation without a version is never announced.
#[tokio::test(start_paused = true)]
async fn an_l3_that_hangs_delays_no_writer_for_ever() {
    struct Hangs;
    #[async_trait]
    impl SharedTier for Hangs {
        async fn get(&self, _: &Key, _: FillToken, _: StreamEpoch) -> Result<SharedLookup, SharedError> {
            std::future::pending().await
        }
        async fn fill(&self, _: &Key, _: FillToken, _: SharedValue, _: Duration) -> Result<FillOutcome, SharedError> {
            std::future::pending().await
        }
        async fn raise(&self, _: &Key, _: Version) -> Result<(), SharedError> {
            std::future::pending().await
        }
        async fn write(&self, _: &Key, _: SharedWrite) -> Result<WriteOutcome, SharedError> {
            std::future::pending().await
        }
        async fn versions(&self, _: &[Key], _: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
            std::future::pending().await
        }
        async fn drop_key(&self, _: &Key) -> Result<(), SharedError> {
            std::future::pending().await
        }
    }
    let cache = Cache::new(CacheConfig::default(), Plain, Arc::new(Hangs), Seed::rng(1), TestClock::new());
    let minute = Duration::from_secs(60);
    let changed = tokio::time::timeout(minute, cache.changed(&key(1), Version::new(1, 2), &[])).await;
    assert!(changed.is_ok(), "a minute after the commit the writer still waits");
    let invalidated = tokio::time::timeout(minute, cache.invalidate(&key(1), &[])).await;
    assert!(invalidated.is_ok());
}
