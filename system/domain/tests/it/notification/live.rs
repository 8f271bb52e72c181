//! Streams of the in-app channel.

use adapters::memory::NotificationFault;
use domain::notification::NotificationError;
use domain::notification::live::{LiveEvent, LiveStream, STREAMS_PER_USER_MAX};
use domain::notification::model::{Channel, ChannelSet, InboxPosition};
use domain::notification::operations::Message;

use super::world::{World, message, ms, user};

fn in_app(n: u128) -> Message {
    Message { channels: ChannelSet::of([Channel::InApp]), ..message(n) }
}

async fn next(stream: &mut LiveStream) -> LiveEvent {
    tokio::time::timeout(ms(500), stream.next()).await.expect("an event, soon")
}

async fn unread(stream: &mut LiveStream) -> (u64, InboxPosition) {
    match next(stream).await {
        LiveEvent::Unread { unread, position } => (unread, position),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_reaches_the_streams_of_all_instances() {
    let world = World::new();
    let (one, other) = (world.start("a"), world.start("b"));
    tokio::time::sleep(ms(50)).await;
    let mut streams = [one.manager.stream(user(1), None).unwrap(), other.manager.stream(user(1), None).unwrap()];
    let mut foreign = other.manager.stream(user(2), None).unwrap();
    for stream in &mut streams {
        assert_eq!(unread(stream).await.0, 0);
    }
    assert_eq!(unread(&mut foreign).await.0, 0);
    let id = one.operations.send(in_app(1), None).await.unwrap().id;
    for stream in &mut streams {
        let LiveEvent::Notification { notification, .. } = next(stream).await else { panic!("it is new") };
        assert_eq!((notification.id, notification.read_at), (id, None));
        assert_eq!(unread(stream).await.0, 1);
    }
    other.manager.read(user(1), id).await.unwrap();
    for stream in &mut streams {
        let LiveEvent::Notification { notification, .. } = next(stream).await else { panic!("it was read") };
        assert!(notification.id == id && notification.read_at.is_some());
        assert_eq!(unread(stream).await.0, 0);
    }
    assert!(tokio::time::timeout(ms(5_000), foreign.next()).await.is_err(), "nothing of another user's");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_misses_nothing() {
    let world = World::new();
    let node = world.start("a");
    let mut stream = node.manager.stream(user(1), None).unwrap();
    let (_, start) = unread(&mut stream).await;
    drop(stream);
    for _ in 0..250 {
        node.operations.send(in_app(1), None).await.unwrap();
    }
    let mut stream = node.manager.stream(user(1), Some(start)).unwrap();
    let mut last = start;
    for number in 0..250 {
        let LiveEvent::Notification { position, .. } = next(&mut stream).await else { panic!("{number}") };
        assert!(position > last);
        last = position;
    }
    assert_eq!(unread(&mut stream).await, (250, last));
    // From a place that there never was: the client must load its list.
    let mut stream = node.manager.stream(user(1), Some(InboxPosition(1 << 40))).unwrap();
    assert_eq!(next(&mut stream).await, LiveEvent::Reset { position: last });
    assert_eq!(unread(&mut stream).await, (250, last));
}

#[tokio::test(start_paused = true)]
async fn without_the_bus_it_comes_later() {
    let world = World::new();
    let (one, other) = (world.start("a"), world.start("b"));
    let mut stream = other.manager.stream(user(1), None).unwrap();
    unread(&mut stream).await;
    world.bus.faults().cut();
    one.operations.send(in_app(1), None).await.unwrap();
    let event = tokio::time::timeout(ms(16_000), stream.next()).await.expect("by asking");
    assert!(matches!(event, LiveEvent::Notification { .. }));
    assert_eq!(unread(&mut stream).await.0, 1);
    world.bus.faults().heal();
    tokio::time::sleep(ms(3_000)).await;
    one.operations.send(in_app(1), None).await.unwrap();
    assert!(matches!(next(&mut stream).await, LiveEvent::Notification { .. }), "and is quick again");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_breaks_no_stream() {
    let world = World::new();
    let node = world.start("a");
    let mut stream = node.manager.stream(user(1), None).unwrap();
    unread(&mut stream).await;
    world.store.faults().once("changes", NotificationFault::Before);
    node.operations.send(in_app(1), None).await.unwrap();
    assert!(matches!(next(&mut stream).await, LiveEvent::Notification { .. }));
}

#[tokio::test(start_paused = true)]
async fn streams_are_bounded() {
    let world = World::new();
    let node = world.idle();
    let mut streams: Vec<_> = (0..STREAMS_PER_USER_MAX).map(|_| node.manager.stream(user(1), None).unwrap()).collect();
    assert!(matches!(node.manager.stream(user(1), None), Err(NotificationError::Busy)));
    assert!(node.manager.stream(user(2), None).is_ok());
    streams.pop();
    assert!(node.manager.stream(user(1), None).is_ok());
}
