//! A change reaches every instance as a patch, once, byte by byte.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use coherence::backplane::{BackplaneDelivery, MemoryBackplaneLimits};
use coherence::follower::Followed;
use coherence::stream::{ChangeMessage, PatchItem};
use coherence::*;
use tokio::sync::broadcast::error::TryRecvError;

use super::group::*;

/// Without `Cache::apply` the other instances would read the source again, or show the old version.
#[tokio::test(start_paused = true)]
async fn a_change_is_patched_into_every_tracked_document() {
    let group = Group::new(3).await;
    group.write(&key(1), 1).await;
    for node in &group.nodes {
        node.get(&group, &key(1)).await;
    }
    let loads = group.truth.loads();
    group.write(&key(1), 2).await;
    for node in &group.nodes {
        assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 2));
        assert_eq!(node.at(&group, &key(1)).await, (Level::L1, 2));
        assert_eq!(node.cache.stats().patched, 1);
    }
    assert_eq!(group.truth.loads(), loads, "nobody asked the source");
}

/// The message is a patch against the last document, whole where there is none, and its end where it was deleted.
#[tokio::test(start_paused = true)]
async fn the_wire_carries_patches() {
    let group = Group::new(0).await;
    let mut wire = group.backplane.subscribe(&group.section).await.unwrap();
    group.write(&key(1), 1).await;
    group.write(&key(1), 2).await;
    group.delete(&key(1), 3);
    group.publish(&key(1)).await;
    let mut messages = Vec::new();
    for _ in 0..3 {
        let BackplaneDelivery::Change(payload) = wire.next().await.unwrap() else { panic!("a change") };
        messages.push((ChangeMessage::read(&payload).unwrap(), payload));
    }
    let [(insert, whole), (update, patch), (end, _)] = messages.try_into().unwrap();
    assert!(matches!(insert.patch_items.as_slice(), [PatchItem::Add { path, .. }] if path.is_empty()));
    assert_eq!(insert.base_version_id, None);
    assert_eq!(update.patch_items, [PatchItem::Replace { path: "/v".into(), value: 2.into() }]);
    assert_eq!((update.base_version_id, update.version_id), (Some(VersionId(1)), VersionId(2)));
    assert_eq!(end.patch_items, [PatchItem::Remove { path: String::new() }]);
    assert_eq!((insert.sequence, end.sequence), (Some(Sequence(1)), Some(Sequence(3))));
    assert!(patch.len() < whole.len());
}

/// Table 7 row 5: without the comparison of `BaseVersionId` the patch would be applied to a document that it was not
/// made for.
#[tokio::test(start_paused = true)]
async fn a_patch_to_another_base_is_not_applied_but_pulled() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    group.commit(&key(1), 2);
    // The reader is ahead of the stream: it holds 2, and the stream's next patch is from 1 to 3.
    node.get(&group, &key(1)).await;
    node.cache.drop_l1(&key(1));
    node.cache.drop_l2(&key(1));
    group.shared.drop_values();
    node.get(&group, &key(1)).await;
    assert_eq!(node.at(&group, &key(1)).await.1, 2);
    group.write(&key(1), 3).await;
    assert_eq!(node.cache.stats().pulls, 1);
    assert_eq!(node.cache.explain(&key(1)).await.l2, None, "what fits no patch does not hold its floor");
    assert_eq!(node.at(&group, &key(1)).await, (Level::L3, 3));
}

/// A reader is ahead of the stream, which then brings the older document whole. Without the comparison of versions it
/// would take the place of the newer one, and every read until the next patch would go past the local tiers.
#[tokio::test(start_paused = true)]
async fn a_reader_ahead_of_the_stream_keeps_its_document() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.commit(&key(1), 1);
    let insert = group.change(&key(1), &[]);
    group.commit(&key(1), 2);
    assert_eq!(node.at(&group, &key(1)).await, (Level::L4, 2));
    group.publish_change(insert).await;
    node.cache.drop_l1(&key(1));
    assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 2));
    assert_eq!(node.cache.stats().duplicates, 1);
}

/// Table 7 rows 32 and 33: a patch that fits by its versions, and yields another document than its writer has. Without
/// the hash it would be served.
#[tokio::test(start_paused = true)]
async fn a_patch_that_yields_another_document_is_pulled() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    let message = ChangeMessage {
        patch_items: vec![PatchItem::Replace { path: "/v".into(), value: 99.into() }],
        base_version_id: Some(VersionId(1)),
        document_hash: Some(coherence::stream::document_hash(&document(&key(1), 2).body.unwrap())),
        ..foreign(2)
    };
    group.commit(&key(1), 2);
    forge(&group, message).await;
    assert_eq!(node.cache.stats().pulls, 1);
    assert_eq!(node.at(&group, &key(1)).await.1, 2, "from the source, as it is there");
}

/// The exact message of the specification, without anything that this system adds.
fn foreign(version: u64) -> ChangeMessage {
    ChangeMessage {
        data_manager_id: "another".into(),
        partition_key: "test".into(),
        section: "thing".into(),
        data_key: "1".into(),
        version_id: VersionId(version),
        change_time: Timestamp::UNIX_EPOCH,
        patch_items: Vec::new(),
        base_version_id: None,
        sequence: None,
        stream_epoch: None,
        incarnation: None,
        tags: Vec::new(),
        tags_complete: false,
        document_hash: None,
        pull: false,
        traceparent: None,
        stations: Default::default(),
    }
}

/// Delivers `message` on the channel at the next place of the stream, as the sync would.
async fn forge(group: &Group, message: ChangeMessage) {
    let head = group.backplane.head(&group.section).await.unwrap().unwrap();
    let sequence = head.sequence.next();
    let message = ChangeMessage {
        sequence: Some(sequence),
        stream_epoch: Some(head.stream_epoch),
        incarnation: Some(head.incarnation),
        ..message
    };
    let publication = coherence::backplane::Publication {
        fence: Fence { incarnation: Incarnation(1), token: FencingToken(1) },
        head: Head { sequence, ..head },
        data_key: message.data_key.clone(),
        payload: message.write().unwrap(),
    };
    group.backplane.publish(&group.section, publication).await.unwrap();
    settle().await;
}

/// Without the rule for members that are absent, another program's exact message would be unreadable.
#[tokio::test(start_paused = true)]
async fn another_programs_exact_message_is_understood() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    group.commit(&key(1), 2);
    let items = vec![PatchItem::Replace { path: "/v".into(), value: 2.into() }];
    let message = ChangeMessage { patch_items: items, ..foreign(2) };
    let applied = ChangeMessage::read(&message.write().unwrap()).unwrap();
    assert_eq!(applied, message, "nothing is added to what says nothing");
    // It names no base: nobody knows what its patch is made for, so the document is fetched.
    forge(&group, ChangeMessage { sequence: None, ..message }).await;
    assert_eq!(node.at(&group, &key(1)).await.1, 2);
}

/// C1: a hit writes nothing, and yet nobody goes back: the floor is raised before the document is touched.
#[tokio::test(start_paused = true)]
async fn duplicates_and_late_messages_change_nothing() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    node.lossy.decide(|_| coherence::testing::Fate::Repeat);
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    for version in 2..10 {
        group.write(&key(1), version).await;
        assert_eq!(node.at(&group, &key(1)).await.1, version);
    }
    assert_eq!(node.cache.stats().patched, 8);
    assert!(node.cache.stats().duplicates >= 8);
    assert_eq!(node.cache.stats().gaps, 0);
}

/// An absence is tracked like any other state: an insert replaces it, a delete brings it. Without its version an absence
/// would hide the insert (table 7 row 34).
#[tokio::test(start_paused = true)]
async fn absences_take_part() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    assert!(node.get(&group, &key(1)).await.absent);
    group.write(&key(1), 1).await;
    assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 1));
    group.delete(&key(1), 2);
    group.publish(&key(1)).await;
    let gone = node.get(&group, &key(1)).await;
    assert!(gone.absent && gone.version == Version::new(1, 2));
    // Delete and re-insert: the version continues from the tombstone's.
    group.write(&key(1), 3).await;
    let back = node.get(&group, &key(1)).await;
    assert!(!back.absent && back.version == Version::new(1, 3));
}

/// DataChanged fires once for each version, whichever road is first, also when the other one is slower than the life of
/// a floor. Without `Announced` it would fire again after 16 s.
#[tokio::test(start_paused = true)]
async fn data_changed_fires_once_over_both_roads() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    let mut events = node.cache.events();
    let mut changes = || {
        let mut versions = Vec::new();
        loop {
            match events.try_recv() {
                Ok(CacheEvent::DataChanged { version, .. }) => versions.push(version.unwrap().id.0),
                Ok(_) => {}
                Err(TryRecvError::Empty) => return versions,
                Err(error) => panic!("{error}"),
            }
        }
    };
    group.commit(&key(1), 1);
    node.cache.changed(&key(1), Version::new(1, 1), &[]).await.unwrap();
    group.publish(&key(1)).await;
    assert_eq!(changes(), [1]);
    group.write(&key(1), 2).await;
    node.cache.changed(&key(1), Version::new(1, 2), &[]).await.unwrap();
    assert_eq!(changes(), [2]);
    group.pass(Duration::from_secs(20)).await;
    for n in 100..110 {
        node.cache.changed(&key(n), Version::new(1, 1), &[]).await.unwrap();
    }
    changes();
    node.cache.changed(&key(1), Version::new(1, 2), &[]).await.unwrap();
    assert_eq!(changes(), [] as [u64; 0], "the late repetition");
}

/// Listeners hear the stream in its order, with when it was received and applied.
#[tokio::test(start_paused = true)]
async fn listeners_hear_changes_in_order() {
    let group = Group::new(1).await;
    let mut heard = group.nodes[0].handle.listen();
    for version in 1..=5 {
        group.write(&key(version % 2), version).await;
    }
    for expected in 1..=5 {
        match heard.recv().await.unwrap() {
            Followed::Change { message, received_at, applied_at } => {
                assert_eq!(message.version_id, VersionId(expected));
                assert!(message.stations.published_at.is_some() && received_at <= applied_at);
            }
            Followed::Reset => panic!("nothing was lost"),
        }
    }
}

/// A document of a version below its floor stays as the base of the patch that is on its way: without that, a busy key
/// whose invalidations come first would be pulled each time.
#[tokio::test(start_paused = true)]
async fn invalidations_that_come_first_leave_the_base() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    for version in 2..=20 {
        group.commit(&key(1), version);
        node.cache.changed(&key(1), Version::new(1, version), &[]).await.unwrap();
        if version % 3 == 0 {
            // Two more are announced before the stream comes.
            continue;
        }
        group.publish(&key(1)).await;
    }
    let stats = node.cache.stats();
    assert_eq!((stats.pulls, stats.patched), (0, 13));
    assert_eq!(node.at(&group, &key(1)).await, (Level::L2, 20));
}

/// A message that is too long for a channel is a pull.
#[tokio::test(start_paused = true)]
async fn a_long_document_is_fetched() {
    let group = Group::new(1).await;
    let node = &group.nodes[0];
    group.write(&key(1), 1).await;
    node.get(&group, &key(1)).await;
    group.commit(&key(1), 2);
    let long = format!(r#"{{"long":"{}"}}"#, "x".repeat(coherence::stream::MESSAGE_BYTES_MAX));
    let change = coherence::publisher::SourceChange { body: Some(long.into()), ..group.change(&key(1), &[]) };
    let mut wire = group.backplane.subscribe(&group.section).await.unwrap();
    group.publish_change(change).await;
    let BackplaneDelivery::Change(payload) = wire.next().await.unwrap() else { panic!("a change") };
    assert!(ChangeMessage::read(&payload).unwrap().pull && payload.len() < 1_000);
    assert_eq!(node.cache.stats().pulls, 1);
}

/// A read with a minimum waits for the patch instead of asking the source (C4).
#[tokio::test(start_paused = true)]
async fn a_minimum_is_waited_for_briefly() {
    let group = Arc::new(Group::with(1, CacheConfig::default(), MemoryBackplaneLimits::default()).await);
    group.write(&key(1), 1).await;
    group.nodes[0].get(&group, &key(1)).await;
    let loads = group.truth.loads.load(Ordering::SeqCst);
    group.commit(&key(1), 2);
    let options = ReadOptions { min_version: Some(Version::new(1, 2)), ..ReadOptions::default() };
    let reader = {
        let (group, options) = (Arc::clone(&group), options.clone());
        tokio::spawn(async move { group.nodes[0].get_with(&group, &key(1), options).await.unwrap() })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    group.publish(&key(1)).await;
    let answer = reader.await.unwrap();
    assert_eq!((answer.level, answer.version), (Level::L2, Version::new(1, 2)));
    assert_eq!(group.truth.loads(), loads, "the patch came in time");
    // Without it the source is asked, once, after 50 ms.
    group.commit(&key(1), 3);
    let begun = tokio::time::Instant::now();
    let options = ReadOptions { min_version: Some(Version::new(1, 3)), ..ReadOptions::default() };
    let answer = group.nodes[0].get_with(&group, &key(1), options).await.unwrap();
    assert_eq!((answer.level, answer.version, group.truth.loads()), (Level::L4, Version::new(1, 3), loads + 1));
    assert_eq!(begun.elapsed(), MIN_VERSION_WAIT);
    let options = ReadOptions { min_version: Some(Version::new(1, 4)), ..ReadOptions::default() };
    let refused = group.nodes[0].get_with(&group, &key(1), options).await;
    assert!(matches!(refused, Err(ReadError::BelowMinimum { actual }) if actual == Version::new(1, 3)));
}
