//! Queries: outdated by tags of the stream, by items that became newer, by the section's stamp (C6).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coherence::publisher::SourceChange;
use coherence::*;

use super::group::*;

/// A list whose response is its number.
struct List {
    builds: AtomicU64,
    tags: Vec<Tag>,
}

#[async_trait]
impl Build<u64> for List {
    async fn build(&self) -> Result<Built<u64>, LoadError> {
        let view = self.builds.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Built { view, weight_bytes: 8, shows: Vec::new(), tags: self.tags.clone() })
    }
}

fn tag(name: &'static str) -> Tag {
    Tag::prefixed("", name)
}

async fn ask(output: &OutputCache<u64>, list: &Arc<dyn Build<u64>>) -> (u64, bool) {
    let answer = output.get_or_build(&key(0), &ReadOptions::default(), list).await.unwrap();
    (answer.view, answer.hit)
}

/// Without the tags in the message a list would go on for its 60 s when the invalidation road is cut.
#[tokio::test(start_paused = true)]
async fn the_stream_evicts_by_tags() {
    let group = Group::new(2).await;
    for node in &group.nodes {
        let output = OutputCache::<u64>::new(&node.cache);
        let list: Arc<dyn Build<u64>> = Arc::new(List { builds: AtomicU64::new(0), tags: vec![tag("unit:1")] });
        assert_eq!(ask(&output, &list).await, (1, false));
        assert_eq!(ask(&output, &list).await, (1, true));
        let changed = |tags: &[Tag]| group.change(&key(9), tags);
        group.publish_change(changed(&[tag("unit:2")])).await;
        assert_eq!(ask(&output, &list).await, (1, true), "another unit's");
        group.publish_change(changed(&[tag("unit:2"), tag("unit:1")])).await;
        assert_eq!(ask(&output, &list).await, (2, false));
    }
}

/// A thing moved, and nobody knows from where: without the section's stamp the list of its old place would keep it.
#[tokio::test(start_paused = true)]
async fn unknown_tags_outdate_every_query() {
    let group = Group::new(1).await;
    let output = OutputCache::<u64>::new(&group.nodes[0].cache);
    let list: Arc<dyn Build<u64>> = Arc::new(List { builds: AtomicU64::new(0), tags: vec![tag("unit:old")] });
    ask(&output, &list).await;
    let change = SourceChange { tags_complete: false, ..group.change(&key(9), &[tag("unit:new")]) };
    group.publish_change(change).await;
    assert_eq!(ask(&output, &list).await, (2, false));
}

/// Queries are trusted as the documents are: under the lease.
#[tokio::test(start_paused = true)]
async fn a_suspect_instance_answers_no_query_from_memory() {
    let group = Group::new(1).await;
    let output = OutputCache::<u64>::new(&group.nodes[0].cache);
    let list: Arc<dyn Build<u64>> = Arc::new(List { builds: AtomicU64::new(0), tags: vec![tag("unit:1")] });
    ask(&output, &list).await;
    tokio::time::sleep(LEASE).await;
    assert_eq!(ask(&output, &list).await, (2, false));
    assert_eq!(ask(&output, &list).await, (3, false), "and stores none");
    group.beat().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(ask(&output, &list).await, (1, true), "what was built under the lease is right: nothing changed since");
}

/// A resync does not know what changed: every query is outdated by it.
#[tokio::test(start_paused = true)]
async fn a_resync_outdates_every_query() {
    let group = Group::new(1).await;
    let output = OutputCache::<u64>::new(&group.nodes[0].cache);
    let list: Arc<dyn Build<u64>> = Arc::new(List { builds: AtomicU64::new(0), tags: vec![tag("unit:1")] });
    ask(&output, &list).await;
    group.nodes[0].handle.request_resync();
    settle().await;
    group.beat().await;
    assert_eq!(ask(&output, &list).await, (2, false));
}
