//! Where tags, floors, lists and lives of the database meet the stream. Each of these once went wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coherence::backplane::MemoryBackplaneLimits;
use coherence::*;

use super::group::*;

fn tag(name: &'static str) -> Tag {
    Tag::new(name).unwrap()
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
