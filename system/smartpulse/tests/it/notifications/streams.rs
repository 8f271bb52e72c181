//! The inbox, live: on any instance, from where a client was, until the token or the instance ends.

use std::time::Duration;

use domain::forecast::Role;
use domain::notification::live::STREAM_POLL_EVERY;
use serde_json::json;
use tokio::time::Instant;

use super::support::{Node, World, message, reader, sender, token, until};
use crate::api::cluster::events::Events;

const PATH: &str = "/api/notifications/stream";

async fn open(node: &Node, token: &str) -> Events {
    Events::open(&node.router, PATH, &[("authorization", &format!("Bearer {token}"))]).await
}

async fn after(node: &Node, token: &str, id: &str) -> Events {
    let bearer = format!("Bearer {token}");
    Events::open(&node.router, PATH, &[("authorization", &bearer), ("last-event-id", id)]).await
}

/// Until there is nothing to tell any more: the road wakes all streams once it is ready.
async fn quiet(stream: &mut Events) {
    assert!(tokio::time::timeout(Duration::from_secs(1), stream.next()).await.is_err(), "nothing to tell");
}

#[tokio::test(start_paused = true)]
async fn what_happens_in_an_inbox_is_told_to_its_user_on_every_instance() {
    let world = World::new();
    let (first, second) = (world.start("a"), world.start("b"));
    let (mut here, mut there, mut other) =
        (open(&first, &reader(1)).await, open(&second, &reader(1)).await, open(&second, &reader(2)).await);
    assert_eq!(there.status, 200);
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(there.headers[name], value);
    }
    for stream in [&mut here, &mut there, &mut other] {
        assert_eq!(stream.expect("unread").await.data, json!({"unread": 0}), "where the inbox stands, first of all");
        quiet(stream).await;
    }
    let began = Instant::now();
    let id = first.tell(1, "Production Alert").await;
    let entity = first.inbox(1).await.remove(0);
    for stream in [&mut here, &mut there] {
        let event = stream.expect("notification").await;
        assert_eq!(event.data, entity, "the entity of the list");
        assert_eq!(stream.expect("unread").await.data, json!({"unread": 1}));
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}: not by asking in turns", began.elapsed());
    // What is read on one instance is read on the other.
    second.ask("PUT", &format!("/api/notifications/{id}/read")).by(&reader(1)).send().await;
    let event = here.expect("notification").await;
    assert!(event.data["readAt"].is_string() && event.data["id"] == id.as_str(), "{event:?}");
    assert_eq!(here.expect("unread").await.data, json!({"unread": 0}));
    first.tell(2, "another's").await;
    assert_eq!(other.expect("notification").await.data["title"], "another's", "and nothing of the first user's");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_to_another_instance_misses_nothing() {
    let world = World::new();
    let (first, second) = (world.start("a"), world.start("b"));
    let mut stream = open(&first, &reader(1)).await;
    stream.expect("unread").await;
    first.tell(1, "seen").await;
    stream.expect("notification").await;
    let id = stream.last_id.clone();
    drop(stream);
    for n in 0..150 {
        first.tell(1, &n.to_string()).await;
    }
    let mut back = after(&second, &reader(1), &id).await;
    for n in 0..150 {
        assert_eq!(back.expect("notification").await.data["title"], n.to_string(), "in its order, each once");
    }
    assert_eq!(back.expect("unread").await.data, json!({"unread": 151}));
    first.tell(1, "live").await;
    assert_eq!(back.expect("notification").await.data["title"], "live");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_means_nothing_is_a_reset() {
    let world = World::new();
    let node = world.start("a");
    node.tell(1, "a").await;
    for id in ["7", "x", "-1", "18446744073709551615", "fffffffffffffffa-42"] {
        let mut stream = after(&node, &reader(1), id).await;
        let event = stream.expect("reset").await;
        assert_eq!((event.id.as_str(), event.data), ("1", json!({})), "{id}");
        assert_eq!(stream.expect("unread").await.data, json!({"unread": 1}));
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_beats_and_still_finds_what_nobody_told_it() {
    let world = World::with(&[("streams.heartbeat_ms", "1000")]);
    // Without a road: what another instance stores, this one is not told of.
    let (deaf, other) = (world.idle(), world.idle());
    let mut stream = open(&deaf, &reader(1)).await;
    stream.expect("unread").await;
    let began = Instant::now();
    other.tell(1, "a").await;
    stream.expect("notification").await;
    let took = began.elapsed();
    assert!(took <= STREAM_POLL_EVERY + Duration::from_millis(100), "{took:?}");
    assert!(stream.comments >= 10, "{} beats in {took:?}", stream.comments);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_token() {
    let world = World::new();
    let node = world.start("a");
    let mut stream = open(&node, &token(1, &[], 60)).await;
    stream.expect("unread").await;
    let began = Instant::now();
    stream.expect("expired").await;
    assert!((59..=61).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(stream.next().await, None);
    drop(stream);
    assert_eq!(node.open.open_streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_instance_and_says_when_to_come_back() {
    let world = World::new();
    let node = world.start("a");
    let mut stream = open(&node, &reader(1)).await;
    stream.expect("unread").await;
    node.drain.expire();
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.last_id, "0", "with the place to come back with");
}

#[tokio::test(start_paused = true)]
async fn a_ticket_opens_one_stream_on_any_instance() {
    let world = World::new();
    let (first, second) = (world.start("a"), world.start("b"));
    let given = first.ask("POST", "/api/stream-ticket").by(&reader(1)).send().await;
    assert_eq!((given.status.as_u16(), given.header("cache-control")), (200, Some("no-store")), "{given:?}");
    let url = format!("{PATH}?ticket={}", given.json()["ticket"].as_str().unwrap());
    let mut stream = Events::open(&second.router, &url, &[]).await;
    stream.expect("unread").await;
    first.tell(1, "mine").await;
    assert_eq!(stream.expect("notification").await.data["title"], "mine");
    first.ask("GET", &url).send().await.problem(401, "UNAUTHORIZED");
    for (query, status, code) in
        [("", 401, "UNAUTHORIZED"), ("?ticket=x", 401, "UNAUTHORIZED"), ("?token=x", 400, "VALIDATION_FAILED")]
    {
        first.ask("GET", &format!("{PATH}{query}")).send().await.problem(status, code);
    }
    let other = first.ask("POST", "/api/stream-ticket").by(&reader(1)).send().await.json();
    let elsewhere = format!("/api/notifications?ticket={}", other["ticket"].as_str().unwrap());
    first.ask("GET", &elsewhere).send().await.problem(401, "UNAUTHORIZED");
}

#[tokio::test(start_paused = true)]
async fn streams_are_bounded_and_an_end_makes_room() {
    let settings = [("limits.streams_max", "3"), ("limits.streams_per_subject_max", "2")];
    let world = World::with(&settings);
    let node = world.idle();
    let streams = [open(&node, &reader(1)).await, open(&node, &reader(1)).await];
    node.get(&reader(1), PATH).await.problem(429, "RATE_LIMITED");
    let third = open(&node, &reader(2)).await;
    node.get(&reader(3), PATH).await.problem(503, "OVERLOADED");
    drop(streams);
    assert_eq!(open(&node, &reader(3)).await.status, 200);
    drop(third);
    assert_eq!(node.open.open_streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_store_makes_a_stream_wait_and_not_end() {
    let world = World::new();
    let node = world.start("a");
    let mut stream = open(&node, &reader(1)).await;
    stream.expect("unread").await;
    world.store.faults().always("changes", adapters::memory::NotificationFault::Before);
    node.tell(1, "a").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.store.faults().heal();
    assert_eq!(stream.expect("notification").await.data["title"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_hangs_up_skips_nothing() {
    let world = World::new();
    let node = world.start("a");
    let mut stream = open(&node, &reader(1)).await;
    stream.expect("unread").await;
    quiet(&mut stream).await;
    let began = Instant::now();
    world.store.faults().late("accept", Duration::from_millis(50));
    {
        let (token, body) = (sender(), message(1, "a", json!(["InApp"])));
        let request = std::pin::pin!(node.post(&token, "/api/notifications", &body));
        // It is under way, and its client goes.
        assert!(tokio::time::timeout(Duration::from_millis(1), request).await.is_err());
    }
    stream.expect("notification").await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}: not by asking in turns", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_for_what_is_under_way_and_lets_nothing_begin() {
    let world = World::new();
    let node = world.start("a");
    world.store.faults().late("accept", Duration::from_millis(50));
    let (token, body) = (token(90, &[Role::NotifySend], 1_000), message(1, "a", json!(["InApp"])));
    {
        let request = std::pin::pin!(node.post(&token, "/api/notifications", &body));
        assert!(tokio::time::timeout(Duration::from_millis(1), request).await.is_err());
    }
    let began = Instant::now();
    node.api.drain().await;
    assert!(began.elapsed() >= Duration::from_millis(40), "{:?}", began.elapsed());
    until("it is stored", async || node.inbox(1).await.len() == 1).await;
    node.post(&token, "/api/notifications", &body).await.problem(503, "OVERLOADED");
}
