//! What every backplane must do, as a suite to run on one that holds nothing of the sections used. Each check panics with
//! what does not hold.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Backplane, BackplaneDelivery, BackplaneSubscription, Claimed, Publication, Published, Replay};
use crate::stream::{Head, Section, SourceMark};
use crate::version::{Fence, FencingToken, Incarnation, Sequence, StreamEpoch};

/// How long a delivery may take.
const PATIENCE: Duration = Duration::from_secs(5);
const EPOCH: StreamEpoch = StreamEpoch(5);

/// Runs every check, each on a section of its own, whose partition is `partition`.
pub async fn run_all(backplane: &Arc<dyn Backplane>, partition: &str) {
    let section = |name: &str| Section::new(partition, name).unwrap();
    nothing_is_known_at_first(backplane, &section("first")).await;
    what_is_published_is_delivered_in_order(backplane, &section("order")).await;
    a_publication_must_follow(backplane, &section("follow")).await;
    a_head_must_match_the_stream(backplane, &section("head")).await;
    a_lower_term_is_fenced(backplane, &section("fence")).await;
    a_new_epoch_empties_the_stream(backplane, &section("epoch")).await;
    the_stream_replays(backplane, &section("replay")).await;
    sections_do_not_mix(backplane, &section("one"), &section("two")).await;
    the_identity_stands(backplane).await;
}

fn fence(token: u64) -> Fence {
    Fence { incarnation: Incarnation(1), token: FencingToken(token) }
}

fn head(epoch: StreamEpoch, sequence: u64) -> Head {
    Head {
        incarnation: Incarnation(1),
        stream_epoch: epoch,
        sequence: Sequence(sequence),
        read_at: Timestamp::from_second(1_700_000_000).unwrap(),
        source: SourceMark { tracker_token: FencingToken(1), tracker_counter: sequence, feed_position: u128::MAX },
        identity: "one".to_owned(),
    }
}

fn payload(sequence: u64) -> Bytes {
    Bytes::from(format!(r#"{{"Sequence":{sequence}}}"#))
}

async fn publish(backplane: &Arc<dyn Backplane>, section: &Section, token: u64, sequence: u64) -> Published {
    let publication = Publication {
        fence: fence(token),
        head: head(EPOCH, sequence),
        data_key: format!("key-{sequence}"),
        payload: payload(sequence),
    };
    backplane.publish(section, publication).await.unwrap()
}

async fn begin(backplane: &Arc<dyn Backplane>, section: &Section) {
    assert_eq!(backplane.announce(section, fence(1), head(EPOCH, 0)).await.unwrap(), Published::Done);
}

async fn next(subscription: &mut Box<dyn BackplaneSubscription>) -> BackplaneDelivery {
    tokio::time::timeout(PATIENCE, subscription.next()).await.expect("a delivery in time").unwrap()
}

async fn nothing_is_known_at_first(backplane: &Arc<dyn Backplane>, section: &Section) {
    assert_eq!(backplane.head(section).await.unwrap(), None);
    assert_eq!(backplane.replay(section, EPOCH, Sequence(0), 10).await.unwrap(), Replay::OutOfReach);
    assert_eq!(backplane.claim(section, fence(1)).await.unwrap(), Claimed::Held { head: None });
    assert_eq!(publish(backplane, section, 1, 1).await, Published::OutOfStep { head: None });
}

async fn what_is_published_is_delivered_in_order(backplane: &Arc<dyn Backplane>, section: &Section) {
    let mut subscriptions = [backplane.subscribe(section).await.unwrap(), backplane.subscribe(section).await.unwrap()];
    begin(backplane, section).await;
    for sequence in 1..=50 {
        assert_eq!(publish(backplane, section, 1, sequence).await, Published::Done);
    }
    backplane.announce(section, fence(1), head(EPOCH, 50)).await.unwrap();
    for subscription in &mut subscriptions {
        let BackplaneDelivery::Head(first) = next(subscription).await else { panic!("the head comes first") };
        assert_eq!(Head::read(&first).unwrap(), head(EPOCH, 0));
        for sequence in 1..=50 {
            assert_eq!(next(subscription).await, BackplaneDelivery::Change(payload(sequence)));
        }
        let BackplaneDelivery::Head(last) = next(subscription).await else { panic!("the head comes last") };
        assert_eq!(Head::read(&last).unwrap(), head(EPOCH, 50));
    }
    assert_eq!(backplane.head(section).await.unwrap(), Some(head(EPOCH, 50)));
}

async fn a_publication_must_follow(backplane: &Arc<dyn Backplane>, section: &Section) {
    begin(backplane, section).await;
    assert_eq!(publish(backplane, section, 1, 2).await, Published::OutOfStep { head: Some(head(EPOCH, 0)) });
    publish(backplane, section, 1, 1).await;
    assert_eq!(publish(backplane, section, 1, 1).await, Published::OutOfStep { head: Some(head(EPOCH, 1)) });
    let other =
        Publication { fence: fence(1), head: head(StreamEpoch(6), 2), data_key: "key".to_owned(), payload: payload(2) };
    let outcome = backplane.publish(section, other).await.unwrap();
    assert_eq!(outcome, Published::OutOfStep { head: Some(head(EPOCH, 1)) });
}

async fn a_head_must_match_the_stream(backplane: &Arc<dyn Backplane>, section: &Section) {
    begin(backplane, section).await;
    publish(backplane, section, 1, 1).await;
    let stored = Some(head(EPOCH, 1));
    for wrong in [head(EPOCH, 0), head(EPOCH, 2), head(StreamEpoch(6), 1)] {
        let outcome = backplane.announce(section, fence(1), wrong).await.unwrap();
        assert_eq!(outcome, Published::OutOfStep { head: stored.clone() });
    }
    assert_eq!(backplane.head(section).await.unwrap(), stored);
}

async fn a_lower_term_is_fenced(backplane: &Arc<dyn Backplane>, section: &Section) {
    begin(backplane, section).await;
    assert_eq!(backplane.claim(section, fence(3)).await.unwrap(), Claimed::Held { head: Some(head(EPOCH, 0)) });
    let by = fence(3);
    assert_eq!(backplane.claim(section, fence(2)).await.unwrap(), Claimed::Fenced { by });
    assert_eq!(publish(backplane, section, 2, 1).await, Published::Fenced { by });
    let announced = backplane.announce(section, fence(2), head(EPOCH, 0)).await.unwrap();
    assert_eq!(announced, Published::Fenced { by });
    assert_eq!(publish(backplane, section, 3, 1).await, Published::Done);
    let later = Fence { incarnation: Incarnation(2), token: FencingToken(1) };
    assert!(matches!(backplane.claim(section, later).await.unwrap(), Claimed::Held { .. }), "another incarnation");
}

async fn a_new_epoch_empties_the_stream(backplane: &Arc<dyn Backplane>, section: &Section) {
    begin(backplane, section).await;
    publish(backplane, section, 1, 1).await;
    let other = StreamEpoch(6);
    assert_eq!(backplane.announce(section, fence(1), head(other, 0)).await.unwrap(), Published::Done);
    assert_eq!(backplane.replay(section, EPOCH, Sequence(0), 10).await.unwrap(), Replay::OutOfReach);
    let nothing = backplane.replay(section, other, Sequence(0), 10).await.unwrap();
    assert_eq!(nothing, Replay::Messages(Vec::new()));
}

async fn the_stream_replays(backplane: &Arc<dyn Backplane>, section: &Section) {
    begin(backplane, section).await;
    for sequence in 1..=5 {
        publish(backplane, section, 1, sequence).await;
    }
    let from = |after: u64, limit| backplane.replay(section, EPOCH, Sequence(after), limit);
    assert_eq!(from(0, 2).await.unwrap(), Replay::Messages(vec![payload(1), payload(2)]));
    assert_eq!(from(3, 10).await.unwrap(), Replay::Messages(vec![payload(4), payload(5)]));
    assert_eq!(from(5, 10).await.unwrap(), Replay::Messages(Vec::new()));
    assert_eq!(from(9, 10).await.unwrap(), Replay::OutOfReach, "nobody was there yet");
}

async fn sections_do_not_mix(backplane: &Arc<dyn Backplane>, one: &Section, two: &Section) {
    let mut subscription = backplane.subscribe(one).await.unwrap();
    begin(backplane, two).await;
    publish(backplane, two, 1, 1).await;
    begin(backplane, one).await;
    let BackplaneDelivery::Head(first) = next(&mut subscription).await else { panic!("only its own section") };
    assert_eq!(Head::read(&first).unwrap().sequence, Sequence(0));
    assert_eq!(backplane.head(one).await.unwrap(), Some(head(EPOCH, 0)));
}

async fn the_identity_stands(backplane: &Arc<dyn Backplane>) {
    assert_eq!(backplane.identity().await.unwrap(), backplane.identity().await.unwrap());
}
