//! Attacks: each test shows a promise that does not hold. It fails until the source is mended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coherence::backplane::{
    Backplane, BackplaneError, BackplaneSubscription, Claimed, MemoryBackplane, MemoryBackplaneLimits, Publication,
    Published, Replay,
};
use coherence::follower::{Follower, FollowerConfig};
use coherence::publisher::{Publisher, PublisherConfig};
use coherence::shared::MemorySharedTier;
use coherence::testing::{LossyBackplane, Seed, TestClock};
use coherence::*;

use super::group::*;

/// A backplane of which single calls are sick.
struct Sick {
    inner: MemoryBackplane,
    /// `head` never answers.
    head_hangs: AtomicBool,
    /// `replay` says that the stream cannot be read, now or later.
    replay_is_corrupt: AtomicBool,
    /// `replay` takes longer than its deadline: too much at once for this line.
    replay_is_slow: AtomicBool,
}

impl Sick {
    fn new(inner: &MemoryBackplane) -> Arc<Self> {
        Arc::new(Self {
            inner: inner.clone(),
            head_hangs: AtomicBool::new(false),
            replay_is_corrupt: AtomicBool::new(false),
            replay_is_slow: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Backplane for Sick {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        self.inner.claim(section, fence).await
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        self.inner.publish(section, publication).await
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        self.inner.announce(section, fence, head).await
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        if self.head_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.head(section).await
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        if self.replay_is_corrupt.load(Ordering::SeqCst) {
            return Err(BackplaneError::Corrupt("an entry of the stream".into()));
        }
        if self.replay_is_slow.load(Ordering::SeqCst) {
            // 5 ms for each message asked for: 2.5 s for a page of 500.
            tokio::time::sleep(Duration::from_millis(5) * u32::try_from(limit).unwrap()).await;
        }
        self.inner.replay(section, epoch, after, limit).await
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        self.inner.subscribe(section).await
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        self.inner.identity().await
    }
}

/// A shared tier whose bulk question is never answered, once; and one whose answer to it is a lie of omission.
struct HangingVersions {
    inner: Arc<MemorySharedTier>,
    hangs: AtomicU64,
}

#[async_trait]
impl SharedTier for HangingVersions {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        self.inner.get(key, token, epoch).await
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

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        self.inner.raise(key, version).await
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        self.inner.write(key, write).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        if self.hangs.load(Ordering::SeqCst) > 0 {
            self.hangs.fetch_sub(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        self.inner.versions(keys, epoch).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        self.inner.drop_key(key).await
    }
}

fn node_over(group: &Group, shared: Arc<dyn SharedTier>, inner: Arc<dyn Backplane>) -> Node {
    let config = CacheConfig { freshness: Freshness::EndToEnd, ..CacheConfig::default() };
    let lossy = LossyBackplane::new(inner);
    let clock = TestClock::new();
    let cache = Cache::new(config, Plain, shared, Seed::rng(77), clock.clone());
    let follower = Follower::new(
        cache.clone(),
        Arc::new(lossy.clone()),
        group.section.clone(),
        group.truth.clone(),
        FollowerConfig::default(),
    );
    let handle = follower.handle();
    Node { cache, handle, lossy, clock, running: tokio::spawn(follower.run()) }
}

fn tag(name: &'static str) -> Tag {
    Tag::new(name).unwrap()
}

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

/// session.rs `replay`: an error that does not pass (`is_retryable` is false) is treated like one that does. The gap stays
/// open for ever, although a comparison of all versions would close it.
#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_read_is_compared_around() {
    let group = Group::new(0).await;
    let sick = Sick::new(&group.backplane);
    let node = node_over(&group, group.shared.clone(), sick.clone());
    settle().await;
    group.settle().await;
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    sick.replay_is_corrupt.store(true, Ordering::SeqCst);
    node.lossy.cut(true);
    group.write(&key(1), 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    node.lossy.cut(false);
    group.pass(Duration::from_secs(60)).await;
    assert!(node.cache.is_trusted(), "one unreadable entry, a minute ago: {:?}", node.cache.stats());
}

/// The same where a whole page of 500 messages does not pass the line within the deadline: it is asked for again and again
/// in the same size.
#[tokio::test(start_paused = true)]
async fn a_page_of_the_stream_that_is_too_long_for_its_deadline_is_compared_around() {
    let group = Group::new(0).await;
    let sick = Sick::new(&group.backplane);
    let node = node_over(&group, group.shared.clone(), sick.clone());
    settle().await;
    group.settle().await;
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    sick.replay_is_slow.store(true, Ordering::SeqCst);
    node.lossy.cut(true);
    group.write(&key(1), 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    node.lossy.cut(false);
    group.pass(Duration::from_secs(60)).await;
    assert!(node.cache.is_trusted(), "{:?}", node.cache.stats());
}

/// fill.rs `find_shared`: the tags of the read are put on the document after the stamps were asked. What the sync wrote
/// into L3 carries no tags, so an eviction of a read's tag is not seen (C6).
#[tokio::test(start_paused = true)]
async fn an_evicted_tag_of_the_read_holds_for_what_the_sync_wrote() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    let options = ReadOptions { tags: vec![tag("company:1")].into(), ..ReadOptions::default() };
    group.write(&key(1), 1).await;
    assert_eq!(node.get_with(&group, &key(1), options.clone()).await.unwrap().level, Level::L3);
    group.pass(Duration::from_secs(10)).await;
    // Something that the tag stands for changed; nobody publishes it.
    group.commit(&key(1), 2);
    node.cache.evict_tag(&tag("company:1"));
    let answer = node.get_with(&group, &key(1), options).await.unwrap();
    assert_eq!((answer.level, answer.version.id.0), (Level::L4, 2), "older than the eviction by {:?}", answer.age);
}

/// apply.rs `patch`: the patched document begins anew (`started: next_ordinal`), so a tag that was evicted between its read
/// and a late patch counts no more (C6).
#[tokio::test(start_paused = true)]
async fn a_patch_does_not_revive_a_document_whose_tag_was_evicted() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    let options = ReadOptions { tags: vec![tag("company:1")].into(), ..ReadOptions::default() };
    group.write(&key(1), 1).await;
    node.get_with(&group, &key(1), options.clone()).await.unwrap();
    group.commit(&key(1), 2);
    let late = group.change(&key(1), &[]);
    group.commit(&key(1), 3);
    node.cache.evict_tag(&tag("company:1"));
    group.publish_change(late).await;
    let answer = node.get_with(&group, &key(1), options).await.unwrap();
    assert_eq!(answer.version.id.0, 3, "from {:?}: it is older than the eviction", answer.level);
}

struct Lagging {
    shows: AtomicU64,
}

#[async_trait]
impl Build<u64> for Lagging {
    async fn build(&self) -> Result<Built<u64>, LoadError> {
        let version = self.shows.load(Ordering::SeqCst);
        let shows = vec![(key(1), Version::new(1, version))];
        Ok(Built { view: version, weight_bytes: 100, shows, tags: vec![tag("all")] })
    }
}

/// output.rs `build`: after the last rebuild the response goes out whatever it shows, while a fill refuses what is below the
/// floor of its departure (fill.rs `read_source`). Where the source lags (a replica), a list goes back on a key (C1).
#[tokio::test(start_paused = true)]
async fn a_list_from_a_source_that_lags_does_not_go_back() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    group.write(&key(1), 2).await;
    assert_eq!(node.at(&group, &key(1)).await.1, 2, "shown");
    let output = OutputCache::new(&node.cache);
    let list: Arc<dyn Build<u64>> = Arc::new(Lagging { shows: AtomicU64::new(1) });
    let name = Key::new("GET_/things").unwrap();
    let answer = output.get_or_build(&name, &ReadOptions::default(), &list).await;
    assert!(
        !answer.as_ref().is_ok_and(|answer| answer.view < 2),
        "the list shows version 1 after version 2: {answer:?}"
    );
}

/// core.rs `raise`: a change of the stream is in L3 already (step 1 comes before step 2), yet its floor counts as owed, and
/// lives 315 s instead of 15. 100,000 floors are full at 318 changed keys a second; from then on every miss skips L3.
#[tokio::test(start_paused = true)]
async fn the_floor_of_a_change_of_the_stream_ends_after_15_s() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    for n in 0..50 {
        group.write(&key(n), 1).await;
    }
    group.pass(Duration::from_secs(20)).await;
    // Sweeping happens on the way.
    for version in 2..40 {
        group.write(&key(0), version).await;
    }
    assert!(node.cache.sizes().floors <= 2, "{} floors after 20 s", node.cache.sizes().floors);
}

/// The consequence.
#[tokio::test(start_paused = true)]
async fn a_steady_stream_does_not_turn_l3_off() {
    let config = CacheConfig { floors_max: 100, ..CacheConfig::default() };
    let group = Group::with(1, config, MemoryBackplaneLimits::default()).await;
    let node = &group.nodes[0];
    // One change a second, each of another key: no more than 15 floors are due at any time.
    for n in 0..200 {
        group.write(&key(n), 1).await;
        group.pass(Duration::from_secs(1)).await;
    }
    let stats = node.cache.stats();
    assert_eq!(node.at(&group, &key(199)).await.0, Level::L3, "{} floors forgotten", stats.floors_forgotten);
}

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

/// A backplane on which somebody else is always a little faster.
struct Crowded {
    inner: MemoryBackplane,
    other: tokio::sync::Mutex<Publisher>,
    others: AtomicU64,
    clock: Arc<TestClock>,
}

#[async_trait]
impl Backplane for Crowded {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        self.inner.claim(section, fence).await
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        if self.others.load(Ordering::SeqCst) > 0 {
            self.others.fetch_sub(1, Ordering::SeqCst);
            let mut other = self.other.lock().await;
            other.claim(Fence::default()).await.unwrap();
            let change = SourceChange {
                key: key(1_000),
                version: Version::new(1, 1_000 - self.others.load(Ordering::SeqCst)),
                body: None,
                tags: Vec::new(),
                tags_complete: true,
                changed_at: self.clock.now(),
                pull: false,
                traceparent: None,
                stations: coherence::stream::Stations::default(),
            };
            other.publish(&change, SourceMark::default()).await.unwrap();
        }
        self.inner.publish(section, publication).await
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        self.inner.announce(section, fence, head).await
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        self.inner.head(section).await
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        self.inner.replay(section, epoch, after, limit).await
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        self.inner.subscribe(section).await
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        self.inner.identity().await
    }
}

/// publisher/writer.rs, error.rs: a writer that was too slow 16 times gives up with an error that says "do not try again"
/// (`OutOfStep` is not retryable), so a caller who obeys `Writer::changed` ("where it is retryable, tell the same change
/// again") drops the change. The beacon goes on, and instances serve the old document for ever.
#[tokio::test(start_paused = true)]
async fn a_writer_that_others_outran_may_try_again() {
    let group = Group::silent(MemoryBackplaneLimits::default());
    let writer_over = |backplane: Arc<dyn Backplane>, seed| {
        Publisher::new(
            group.section.clone(),
            group.shared.clone(),
            backplane,
            group.clock.clone(),
            Seed::rng(seed),
            format!("program-{seed}"),
            PublisherConfig::default(),
        )
    };
    let crowded = Arc::new(Crowded {
        inner: group.backplane.clone(),
        other: tokio::sync::Mutex::new(writer_over(Arc::new(group.backplane.clone()), 2)),
        others: AtomicU64::new(0),
        clock: group.clock.clone(),
    });
    let writer = Writer::new(writer_over(crowded.clone(), 1), group.clock.clone());
    writer.beat().await.unwrap();
    crowded.others.store(16, Ordering::SeqCst);
    let (version, body) = (Version::new(1, 1), document(&key(1), 1).body);
    let mut outcome = writer.changed(&key(1), version, body.clone(), &[]).await;
    while let Err(error) = &outcome
        && error.is_retryable()
    {
        outcome = writer.changed(&key(1), version, body.clone(), &[]).await;
    }
    assert!(outcome.is_ok(), "the change is lost: {outcome:?}");
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

/// core.rs `raise`, announced.rs: a change that an earlier life of the database made, and that arrives late, is announced
/// as the key's new version.
#[tokio::test(start_paused = true)]
async fn a_late_change_of_an_earlier_life_is_not_announced() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.restore().await;
    group.beat().await;
    assert_eq!(node.cache.incarnation(), Incarnation(2));
    let mut events = node.cache.events();
    node.cache.changed(&key(1), Version::new(1, 77), &[]).await.unwrap();
    while let Ok(event) = events.try_recv() {
        assert!(!matches!(event, CacheEvent::DataChanged { .. }), "{event:?}, and the database is in its second life");
    }
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
