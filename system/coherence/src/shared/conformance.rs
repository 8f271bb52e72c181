//! What every shared tier must do, as a suite to run on an empty one. Each check panics with what does not hold.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{FillOutcome, FillToken, SharedLookup, SharedTier, SharedValue, SharedWrite, WriteOutcome};
use crate::key::Key;
use crate::version::{Fence, FencingToken, Incarnation, StreamEpoch, Version};

const EPOCH: StreamEpoch = StreamEpoch(5);
const TTL: Duration = Duration::from_secs(300);

/// Runs every check, each on keys of its own that begin with `prefix`.
pub async fn run_all(tier: &Arc<dyn SharedTier>, prefix: &str) {
    let key = |name: &str| Key::new(format!("{prefix}:{name}")).unwrap();
    a_miss_then_a_fill_then_a_hit(tier, &key("fill")).await;
    without_its_token_nothing_is_stored(tier, &key("token")).await;
    a_raise_voids_tokens_and_drops_what_is_below(tier, &key("raise")).await;
    a_raise_leaves_what_is_not_below(tier, &key("keep")).await;
    the_latest_version_is_told_on_a_miss(tier, &key("latest")).await;
    a_fill_below_the_latest_is_refused(tier, &key("below")).await;
    a_drop_is_a_barrier_for_fills(tier, &key("drop")).await;
    a_higher_incarnation_beats_every_version(tier, &key("incarnation")).await;
    the_tags_and_the_age_come_back(tier, &key("tags")).await;
    a_write_stores_and_voids_tokens(tier, &key("write")).await;
    an_older_write_leaves_the_value(tier, &key("older")).await;
    a_write_of_a_lower_term_is_fenced(tier, &key("fence")).await;
    a_write_without_a_value_removes_it(tier, &key("removed")).await;
    a_value_of_another_epoch_is_a_miss(tier, &key("epoch")).await;
    versions_are_known_by_writes_and_fills_of_the_epoch_alone(tier, prefix).await;
}

fn write_of(version: u64, term: u64) -> SharedWrite {
    let fence = Fence { incarnation: Incarnation(1), token: FencingToken(term) };
    SharedWrite { fence, version: Version::new(1, version), epoch: EPOCH, value: Some(value(version)), ttl: TTL }
}

async fn a_write_stores_and_voids_tokens(tier: &Arc<dyn SharedTier>, key: &Key) {
    miss(tier, key, 1).await;
    assert_eq!(tier.write(key, write_of(7, 1)).await.unwrap(), WriteOutcome::Written);
    assert_eq!(hit(tier, key).await.version, Version::new(1, 7));
    assert_eq!(fill(tier, key, 1, 7).await, FillOutcome::Refused, "the read may have begun before the change");
    assert_eq!(tier.write(key, write_of(7, 1)).await.unwrap(), WriteOutcome::Written, "a duplicate");
}

async fn an_older_write_leaves_the_value(tier: &Arc<dyn SharedTier>, key: &Key) {
    tier.write(key, write_of(9, 1)).await.unwrap();
    let older = tier.write(key, write_of(8, 1)).await.unwrap();
    assert_eq!(older, WriteOutcome::Older { latest: Version::new(1, 9) });
    assert_eq!(hit(tier, key).await.version, Version::new(1, 9));
}

async fn a_write_of_a_lower_term_is_fenced(tier: &Arc<dyn SharedTier>, key: &Key) {
    tier.write(key, write_of(7, 2)).await.unwrap();
    let fenced = tier.write(key, write_of(9, 1)).await.unwrap();
    let by = Fence { incarnation: Incarnation(1), token: FencingToken(2) };
    assert_eq!(fenced, WriteOutcome::Fenced { by });
    assert_eq!(hit(tier, key).await.version, Version::new(1, 7), "a zombie changes nothing");
    let mut restored = write_of(1, 1);
    restored.fence.incarnation = Incarnation(2);
    restored.version = Version::new(2, 1);
    assert_eq!(tier.write(key, restored).await.unwrap(), WriteOutcome::Written, "a later incarnation counts anew");
}

async fn a_write_without_a_value_removes_it(tier: &Arc<dyn SharedTier>, key: &Key) {
    tier.write(key, write_of(7, 1)).await.unwrap();
    tier.write(key, SharedWrite { value: None, ..write_of(8, 1) }).await.unwrap();
    assert_eq!(miss(tier, key, 1).await, Some(Version::new(1, 8)));
}

async fn a_value_of_another_epoch_is_a_miss(tier: &Arc<dyn SharedTier>, key: &Key) {
    tier.write(key, write_of(7, 1)).await.unwrap();
    let other = StreamEpoch(EPOCH.0 + 1);
    let found = tier.get(key, FillToken(1), other).await.unwrap();
    assert_eq!(found, SharedLookup::Miss { latest: Some(Version::new(1, 7)) });
    let refreshed = SharedValue { epoch: other, ..value(7) };
    assert_eq!(tier.fill(key, FillToken(1), refreshed, TTL).await.unwrap(), FillOutcome::Stored, "its token was left");
    assert!(matches!(tier.get(key, FillToken(2), other).await.unwrap(), SharedLookup::Hit(_)));
}

async fn versions_are_known_by_writes_and_fills_of_the_epoch_alone(tier: &Arc<dyn SharedTier>, prefix: &str) {
    let key = |name: &str| Key::new(format!("{prefix}:versions:{name}")).unwrap();
    let keys = ["written", "filled", "raised", "missed", "never"].map(key);
    tier.write(&keys[0], write_of(7, 1)).await.unwrap();
    miss(tier, &keys[1], 1).await;
    fill(tier, &keys[1], 1, 8).await;
    tier.raise(&keys[2], Version::new(1, 9)).await.unwrap();
    miss(tier, &keys[3], 1).await;
    let known = [Some(Version::new(1, 7)), Some(Version::new(1, 8)), None, None, None];
    assert_eq!(tier.versions(&keys, EPOCH).await.unwrap(), known);
    assert_eq!(tier.versions(&keys, StreamEpoch(EPOCH.0 + 1)).await.unwrap(), [None; 5]);
    // What is known stays known when it is raised.
    tier.raise(&keys[0], Version::new(1, 10)).await.unwrap();
    assert_eq!(tier.versions(&keys[..1], EPOCH).await.unwrap(), [Some(Version::new(1, 10))]);
}

fn value(version: u64) -> SharedValue {
    SharedValue {
        version: Version::new(1, version),
        body: Bytes::from(format!(r#"{{"versionId":{version}}}"#)),
        tags: Arc::from([]),
        age: Duration::ZERO,
        epoch: EPOCH,
    }
}

async fn miss(tier: &Arc<dyn SharedTier>, key: &Key, token: u64) -> Option<Version> {
    match tier.get(key, FillToken(token), EPOCH).await.unwrap() {
        SharedLookup::Miss { latest } => latest,
        SharedLookup::Hit(found) => panic!("expected a miss of {key}, found {found:?}"),
    }
}

async fn hit(tier: &Arc<dyn SharedTier>, key: &Key) -> SharedValue {
    match tier.get(key, FillToken(0), EPOCH).await.unwrap() {
        SharedLookup::Hit(found) => found,
        SharedLookup::Miss { latest } => panic!("expected a hit of {key}, latest {latest:?}"),
    }
}

async fn fill(tier: &Arc<dyn SharedTier>, key: &Key, token: u64, version: u64) -> FillOutcome {
    tier.fill(key, FillToken(token), value(version), TTL).await.unwrap()
}

async fn a_miss_then_a_fill_then_a_hit(tier: &Arc<dyn SharedTier>, key: &Key) {
    assert_eq!(miss(tier, key, 1).await, None);
    assert_eq!(fill(tier, key, 1, 7).await, FillOutcome::Stored);
    let found = hit(tier, key).await;
    assert_eq!((found.version, found.body), (value(7).version, value(7).body));
}

async fn without_its_token_nothing_is_stored(tier: &Arc<dyn SharedTier>, key: &Key) {
    assert_eq!(fill(tier, key, 1, 7).await, FillOutcome::Refused, "no miss before it");
    miss(tier, key, 2).await;
    assert_eq!(fill(tier, key, 3, 7).await, FillOutcome::Refused, "another miss's token");
    assert_eq!(fill(tier, key, 2, 7).await, FillOutcome::Stored);
    tier.drop_key(key).await.unwrap();
    assert_eq!(fill(tier, key, 2, 7).await, FillOutcome::Refused, "a token is used up");
}

async fn a_raise_voids_tokens_and_drops_what_is_below(tier: &Arc<dyn SharedTier>, key: &Key) {
    miss(tier, key, 1).await;
    tier.raise(key, Version::new(1, 8)).await.unwrap();
    assert_eq!(fill(tier, key, 1, 9).await, FillOutcome::Refused, "the read may have begun before the change");
    miss(tier, key, 2).await;
    assert_eq!(fill(tier, key, 2, 8).await, FillOutcome::Stored);
    tier.raise(key, Version::new(1, 9)).await.unwrap();
    assert_eq!(miss(tier, key, 3).await, Some(Version::new(1, 9)), "the value below is gone");
}

async fn a_raise_leaves_what_is_not_below(tier: &Arc<dyn SharedTier>, key: &Key) {
    miss(tier, key, 1).await;
    assert_eq!(fill(tier, key, 1, 9).await, FillOutcome::Stored);
    tier.raise(key, Version::new(1, 9)).await.unwrap();
    tier.raise(key, Version::new(1, 4)).await.unwrap();
    assert_eq!(hit(tier, key).await.version, Version::new(1, 9));
}

async fn the_latest_version_is_told_on_a_miss(tier: &Arc<dyn SharedTier>, key: &Key) {
    tier.raise(key, Version::new(1, 5)).await.unwrap();
    tier.raise(key, Version::new(1, 3)).await.unwrap();
    assert_eq!(miss(tier, key, 1).await, Some(Version::new(1, 5)), "never lowered");
}

async fn a_fill_below_the_latest_is_refused(tier: &Arc<dyn SharedTier>, key: &Key) {
    tier.raise(key, Version::new(1, 5)).await.unwrap();
    miss(tier, key, 1).await;
    assert_eq!(fill(tier, key, 1, 4).await, FillOutcome::Refused);
    assert_eq!(miss(tier, key, 2).await, Some(Version::new(1, 5)));
    assert_eq!(fill(tier, key, 2, 5).await, FillOutcome::Stored);
}

async fn a_drop_is_a_barrier_for_fills(tier: &Arc<dyn SharedTier>, key: &Key) {
    miss(tier, key, 1).await;
    tier.drop_key(key).await.unwrap();
    assert_eq!(fill(tier, key, 1, 4).await, FillOutcome::Refused);
    miss(tier, key, 2).await;
    assert_eq!(fill(tier, key, 2, 4).await, FillOutcome::Stored);
    tier.drop_key(key).await.unwrap();
    miss(tier, key, 3).await;
}

async fn a_higher_incarnation_beats_every_version(tier: &Arc<dyn SharedTier>, key: &Key) {
    miss(tier, key, 1).await;
    assert_eq!(fill(tier, key, 1, 900).await, FillOutcome::Stored);
    tier.raise(key, Version::new(2, 1)).await.unwrap();
    assert_eq!(miss(tier, key, 2).await, Some(Version::new(2, 1)));
    assert_eq!(fill(tier, key, 2, 901).await, FillOutcome::Refused, "a value of the old incarnation");
}

async fn the_tags_and_the_age_come_back(tier: &Arc<dyn SharedTier>, key: &Key) {
    miss(tier, key, 1).await;
    let mut tagged = value(1);
    tagged.tags = Arc::from([crate::key::Tag::new("company:1").unwrap()]);
    tagged.age = Duration::from_secs(40);
    assert_eq!(tier.fill(key, FillToken(1), tagged.clone(), TTL).await.unwrap(), FillOutcome::Stored);
    let found = hit(tier, key).await;
    assert_eq!(found.tags, tagged.tags);
    assert!(found.age >= tagged.age, "the age goes on from that of the fill");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{MemorySharedTier, MemorySharedTierLimits};

    #[tokio::test(start_paused = true)]
    async fn memory_conforms() {
        let tier = MemorySharedTier::new(MemorySharedTierLimits::default()).into_port();
        run_all(&tier, "suite").await;
    }

    #[tokio::test(start_paused = true)]
    async fn memory_expires_ages_and_stays_bounded() {
        let limits = MemorySharedTierLimits { values_bytes: 3_000, versions_max: 20, ..Default::default() };
        let memory = Arc::new(MemorySharedTier::new(limits));
        let tier: Arc<dyn SharedTier> = Arc::clone(&memory) as _;
        let key = Key::new("one").unwrap();
        miss(&tier, &key, 1).await;
        fill(&tier, &key, 1, 1).await;
        tokio::time::advance(Duration::from_secs(299)).await;
        assert_eq!(hit(&tier, &key).await.age, Duration::from_secs(299));
        tokio::time::advance(Duration::from_secs(1)).await;
        miss(&tier, &key, 2).await;
        for n in 0..1_000 {
            let key = Key::prefixed("many:", n);
            miss(&tier, &key, n).await;
            fill(&tier, &key, n, 1).await;
        }
        let (values, bytes) = memory.sizes();
        assert!(bytes <= 3_000 && values > 0, "{values} values of {bytes} bytes");
        assert!(memory.remembered() <= 20, "{} versions", memory.remembered());
    }
}
