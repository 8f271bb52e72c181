//! Two senders, and the request that waits for its results.

use std::time::Duration;

use domain::notification::model::{DeliveryStatus, DeviceFilter, IntegrationType, SendPush};
use domain::notification::operations::PUSH_WAIT_MAX;
use domain::ports::PushError;
use tokio::time::Instant;

use super::fakes::Does;
use super::world::{Settings, World, message, ms};

fn push(n: u128, devices: DeviceFilter) -> SendPush {
    let message = message(n);
    SendPush { user_id: message.user_id, title: message.title, body: message.body, devices }
}

#[tokio::test(start_paused = true)]
async fn a_push_that_is_held_is_not_sent_by_another_one() {
    let world = World::new();
    let devices = world.user_with(1, 10).await;
    world.push.takes(ms(3_000));
    let (one, _other) = (world.start("a"), world.start("b"));
    one.operations.send(message(1), None).await.unwrap();
    world.settled(ms(20_000)).await;
    for device in &devices {
        assert_eq!(world.push.attempts_to(device).len(), 1, "{device}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_not_begun_that_the_claim_would_not_outlive() {
    let mut settings = Settings::default();
    settings.push.claim_life = Duration::from_secs(12);
    settings.push.concurrency = 2;
    settings.push.slow_max = 0;
    let world = World::with(settings);
    let devices = world.user_with(1, 12).await;
    world.push.takes(ms(1_500));
    let (one, other) = (world.start("a"), world.start("b"));
    one.operations.send(message(1), None).await.unwrap();
    world.settled(ms(120_000)).await;
    for device in &devices {
        assert_eq!(world.push.attempts_to(device).len(), 1, "{device}");
    }
    assert_eq!(one.pushes.read().refused + other.pushes.read().refused, 0);
    assert!(one.pushes.read().deferred + other.pushes.read().deferred > 0, "some were given back");
}

#[tokio::test(start_paused = true)]
async fn the_results_of_a_push_are_waited_for() {
    let world = World::new();
    let devices = world.user_with(1, 4).await;
    world.push.takes(ms(100));
    world.push.of(&devices[1], Does::Says(PushError::Gone { status: 410 }));
    world.push.of(&devices[2], Does::Says(PushError::Rejected { status: 400, reason: "no".to_owned() }));
    let node = world.start("a");
    let begun = Instant::now();
    let summary = node.operations.send_push(push(1, DeviceFilter::Both), None).await.unwrap();
    assert!(begun.elapsed() < ms(300), "{:?}", begun.elapsed());
    assert_eq!((summary.sent(), summary.failed(), summary.results.len()), (2, 2, 4));
    let of = |status| summary.results.iter().filter(|result| result.status == status).count();
    assert_eq!((of(DeliveryStatus::Failed), of(DeliveryStatus::Removed)), (1, 1));
    assert_eq!(world.inbox(1).await.len(), 0, "a push is no notification in the app");
    assert_eq!(world.mail.taken().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn they_are_not_waited_for_for_ever() {
    let world = World::new();
    let devices = world.user_with(1, 3).await;
    world.push.of(&devices[0], Does::Hangs);
    let node = world.start("a");
    let begun = Instant::now();
    let only = DeviceFilter::Only(IntegrationType::Fcm);
    let summary = node.operations.send_push(push(1, only), None).await.unwrap();
    assert!(begun.elapsed() >= PUSH_WAIT_MAX && begun.elapsed() < PUSH_WAIT_MAX + ms(100));
    assert_eq!((summary.sent(), summary.failed(), summary.results.len()), (1, 0, 2));
    assert!(summary.results.iter().any(|result| result.status == DeliveryStatus::Pending));
    // Nobody has devices here.
    let begun = Instant::now();
    let summary = node.operations.send_push(push(2, DeviceFilter::Both), None).await.unwrap();
    assert_eq!((summary.results.len(), begun.elapsed()), (0, Duration::ZERO));
}
