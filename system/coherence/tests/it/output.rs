//! The output cache: tags, floors, and what is shown on both sides.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use coherence::*;
use tokio::time::advance;

use super::support::*;

/// A query that shows keys 1 and 2 and could show anything of company 1.
struct Query {
    source: Arc<Source>,
    tags: Vec<Tag>,
}

#[async_trait]
impl Build<Vec<u64>> for Query {
    async fn build(&self) -> Result<Built<Vec<u64>>, LoadError> {
        if self.source.down.load(Ordering::SeqCst) {
            return Err(LoadError { message: "down".into(), retryable: true, source: None });
        }
        self.source.loads.fetch_add(1, Ordering::SeqCst);
        let shows: Vec<_> = [key(1), key(2)].map(|key| (key.clone(), self.source.read(&key).version)).into();
        self.source.gate.pass().await;
        let view = shows.iter().map(|(_, version)| version.id.0).collect();
        Ok(Built { view, weight_bytes: 100, shows, tags: self.tags.clone() })
    }
}

struct Lists {
    world: World,
    output: OutputCache<Vec<u64>>,
    build: Arc<dyn Build<Vec<u64>>>,
}

fn company() -> Tag {
    Tag::new("company:1").unwrap()
}

fn name() -> Key {
    Key::new("GET_/things_").unwrap()
}

impl Lists {
    fn new() -> Arc<Self> {
        let world = World::new();
        world.source.put(&key(1), 1);
        world.source.put(&key(2), 1);
        let output = OutputCache::new(&world.cache);
        let build = Arc::new(Query { source: Arc::clone(&world.source), tags: vec![company()] });
        Arc::new(Self { world, output, build })
    }

    async fn get(&self) -> QueryAnswer<Vec<u64>> {
        self.output.get_or_build(&name(), &self.world.options, &self.build).await.expect("an answer")
    }

    async fn held_get(self: &Arc<Self>) -> tokio::task::JoinHandle<QueryAnswer<Vec<u64>>> {
        self.world.source.gate.shut();
        let this = Arc::clone(self);
        let reader = tokio::spawn(async move { this.get().await });
        self.world.source.gate.someone().await;
        reader
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_is_kept_for_its_life_and_built_once_for_many() {
    let lists = Lists::new();
    let first = lists.held_get().await;
    let second = tokio::spawn({
        let lists = Arc::clone(&lists);
        async move { lists.get().await }
    });
    tokio::task::yield_now().await;
    lists.world.source.gate.release();
    assert_eq!((first.await.unwrap().view, second.await.unwrap().view), (vec![1, 1], vec![1, 1]));
    assert_eq!(lists.world.source.loads(), 1);
    advance(Duration::from_secs(59)).await;
    let hit = lists.get().await;
    assert!(hit.hit && hit.age == Duration::from_secs(59));
    advance(Duration::from_secs(1)).await;
    assert!(!lists.get().await.hit);
}

#[tokio::test(start_paused = true)]
async fn a_tag_of_the_query_evicts_it_and_another_tag_does_not() {
    let lists = Lists::new();
    lists.get().await;
    lists.world.cache.evict_tag(&Tag::new("company:2").unwrap());
    assert!(lists.get().await.hit);
    lists.world.cache.evict_tag(&company());
    assert!(!lists.get().await.hit);
    lists.world.cache.changed(&key(9), Version::new(1, 1), &[company()]).await.unwrap();
    assert!(!lists.get().await.hit, "a new thing that the query could show");
    lists.world.cache.changed(&key(8), Version::new(1, 1), &[Tag::new("company:2").unwrap()]).await.unwrap();
    assert!(lists.get().await.hit);
    lists.world.cache.clear();
    assert!(!lists.get().await.hit);
}

/// Row 28, a response stored after its tag was evicted. Were the stamps compared with the moment of storing instead of
/// `Entry::started` (stamps.rs `Table::admits`), the response would live on.
#[tokio::test(start_paused = true)]
async fn a_response_built_across_an_eviction_is_not_answered_again() {
    let lists = Lists::new();
    let reader = lists.held_get().await;
    lists.world.cache.evict_tag(&company());
    lists.world.source.gate.release();
    assert!(!reader.await.unwrap().hit);
    assert!(!lists.get().await.hit);
}

/// A caller that joins a build from before an eviction. Without `is_current` in output.rs it is answered by it.
#[tokio::test(start_paused = true)]
async fn a_build_from_before_an_eviction_does_not_answer_later_callers() {
    let lists = Lists::new();
    let first = lists.held_get().await;
    // No floor tells of it: only the tag does.
    lists.world.source.put(&key(1), 2);
    lists.world.cache.evict_tag(&company());
    let second = tokio::spawn({
        let lists = Arc::clone(&lists);
        async move { lists.get().await }
    });
    tokio::task::yield_now().await;
    lists.world.source.gate.release();
    assert_eq!(first.await.unwrap().view, vec![1, 1], "its request came before the eviction");
    assert_eq!(second.await.unwrap().view, vec![2, 1]);
}

/// A list that shows a newer version than L1 holds. Without the raise of floors in output.rs `keep` the entity is then
/// answered from L1, L2 or L3 with less than the list showed (C1).
#[tokio::test(start_paused = true)]
async fn after_a_list_showed_a_version_no_tier_answers_less() {
    let lists = Lists::new();
    lists.world.get(&key(1)).await;
    // Committed, but nobody has told this instance yet.
    lists.world.source.put(&key(1), 2);
    assert_eq!(lists.get().await.view, vec![2, 1]);
    let answer = lists.world.get(&key(1)).await;
    assert_eq!((answer.level, answer.version.id.0), (Level::L4, 2));
}

/// The other way round. Without the stamp on the key's own tag (core.rs `raise`) the list goes on showing less.
#[tokio::test(start_paused = true)]
async fn after_an_entity_showed_a_version_no_list_shows_less() {
    let lists = Lists::new();
    assert_eq!(lists.get().await.view, vec![1, 1]);
    lists.world.source.put(&key(1), 2);
    assert_eq!(lists.world.get(&key(1)).await.version.id.0, 2);
    assert_eq!(lists.get().await.view, vec![2, 1]);
    assert_eq!(lists.world.get(&key(2)).await.version.id.0, 1);
    assert!(lists.get().await.hit, "an entity that shows no more than the list outdates nothing");
}

/// A list that was read before a change and would be sent after it. Without the comparison with the floors at the end of
/// output.rs `build` it shows less than the writer was told.
#[tokio::test(start_paused = true)]
async fn a_list_overtaken_by_a_change_is_built_again() {
    let lists = Lists::new();
    let reader = lists.held_get().await;
    lists.world.write(&key(1), 2).await;
    lists.world.source.gate.release();
    assert_eq!(reader.await.unwrap().view, vec![2, 1]);
    assert!(lists.get().await.hit);
}

/// Stamps over capacity count as newest. Did `forget_oldest` not remember the ordinal, an evicted list would come back.
#[tokio::test(start_paused = true)]
async fn a_forgotten_stamp_counts_as_newest() {
    let world = World::with(CacheConfig { stamps_max: 3, ..CacheConfig::default() });
    world.source.put(&key(1), 1);
    world.source.put(&key(2), 1);
    let output = OutputCache::<Vec<u64>>::new(&world.cache);
    let build: Arc<dyn Build<_>> = Arc::new(Query { source: Arc::clone(&world.source), tags: vec![company()] });
    output.get_or_build(&name(), &world.options, &build).await.unwrap();
    world.cache.evict_tag(&company());
    for n in 10..20 {
        world.cache.evict_tag(&Tag::prefixed("company:", n));
    }
    assert!(world.cache.stats().stamps_forgotten > 0);
    assert!(output.peek(name().as_str()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_down_is_hidden_by_an_expired_list_that_nothing_outdated() {
    let lists = Lists::new();
    lists.get().await;
    advance(Duration::from_secs(61)).await;
    lists.world.source.down.store(true, Ordering::SeqCst);
    let mut options = lists.world.options.clone();
    assert!(lists.output.get_or_build(&name(), &options, &lists.build).await.is_err());
    options.max_stale = Some(Duration::from_secs(60));
    let stale = lists.output.get_or_build(&name(), &options, &lists.build).await.unwrap();
    assert!(stale.stale && stale.view == [1, 1]);
    lists.world.cache.evict_tag(&company());
    assert!(lists.output.get_or_build(&name(), &options, &lists.build).await.is_err());
}
