//! The schedule of pushes, and what it leaves alone.

use std::time::Duration;

use domain::notification::alerts::AlertKind;
use domain::notification::model::{Channel, DeliveryStatus};
use domain::ports::{Devices as _, MailError, PushError, Resend};
use tracing::Level;

use super::fakes::{Does, Replies};
use super::logs::Logs;
use super::world::{World, address, message, ms, until, user};

fn waits(attempts: &[super::fakes::Attempt]) -> Vec<Duration> {
    attempts.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

#[tokio::test(start_paused = true)]
async fn firebase_unreachable_hurts_no_other_channel() {
    let (logs, _guard) = Logs::listen();
    let world = World::new();
    let devices = world.user_with(1, 3).await;
    let (fcm, browser) = ([&devices[0], &devices[2]], &devices[1]);
    for device in fcm {
        world.push.of(device, Does::Says(PushError::Unreachable(None)));
    }
    let node = world.start("a");
    node.operations.send(message(1), None).await.unwrap();
    assert_eq!(world.inbox(1).await.len(), 1);
    until("mail and browser have it", ms(400), async || {
        world.mail.taken().len() == 1 && world.push.shown(browser) == 1
    })
    .await;
    world.settled(ms(10_000)).await;
    for device in fcm {
        let attempts = world.push.attempts_to(device);
        assert_eq!(attempts.len(), 5, "one attempt and four retries");
        for (waited, due) in waits(&attempts).into_iter().zip([100.0, 200.0, 400.0, 800.0]) {
            let share = waited.as_secs_f64() * 1_000.0 / due;
            // A timer is late by up to a millisecond.
            assert!((0.79..=1.21).contains(&share), "{waited:?} for {due} ms");
        }
    }
    assert_ne!(waits(&world.push.attempts_to(fcm[0])), waits(&world.push.attempts_to(fcm[1])), "they are jittered");
    let failed: Vec<_> =
        world.deliveries(1).await.into_iter().filter(|one| one.status == DeliveryStatus::Failed).collect();
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|one| one.attempts == 5 && one.channel == Channel::PushNotification));
    assert_eq!(logs.of(Level::ERROR, "").len(), 1, "logged once: {:?}", logs.of(Level::ERROR, ""));
    assert_eq!(node.alerts.status()[&AlertKind::PushFailing].raised, 2, "and counted");
    tokio::time::sleep(ms(120_000)).await;
    assert_eq!(world.push.attempts().len(), 11, "what failed is not tried again");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_given_up_after_five_seconds() {
    let world = World::new();
    let device = world.user_with(1, 1).await.remove(0);
    world.push.next(&device, [Does::Hangs]);
    let node = world.start("a");
    node.operations.send(message(1), None).await.unwrap();
    world.settled(ms(20_000)).await;
    let waited = waits(&world.push.attempts_to(&device));
    assert_eq!(waited.len(), 1);
    assert!((5_080..=5_122).contains(&waited[0].as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_gone_is_removed_and_not_tried_again() {
    let world = World::new();
    let devices = world.user_with(1, 2).await;
    for (device, status) in devices.iter().zip([404, 410]) {
        world.push.of(device, Does::Says(PushError::Gone { status }));
    }
    let node = world.start("a");
    node.operations.send(message(1), None).await.unwrap();
    world.settled(ms(10_000)).await;
    tokio::time::sleep(ms(10_000)).await;
    assert_eq!(world.push.attempts().len(), 2);
    assert_eq!(world.store.devices(user(1)).await.unwrap(), []);
    let statuses: Vec<_> = world.deliveries(1).await.iter().map(|one| one.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == DeliveryStatus::Removed).count(), 2);
    node.operations.send(message(1), None).await.unwrap();
    world.settled(ms(10_000)).await;
    assert_eq!(world.push.attempts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_push_service_refuses_is_not_tried_again() {
    let world = World::new();
    let devices = world.user_with(1, 4).await;
    let reason = || "no".to_owned();
    let answers = [
        PushError::Unauthorized { status: 401, reason: reason() },
        PushError::SenderMismatch { status: 403 },
        PushError::Rejected { status: 413, reason: reason() },
        PushError::Blocked(reason()),
    ];
    for (device, answer) in devices.iter().zip(answers) {
        world.push.of(device, Does::Says(answer));
    }
    let node = world.start("a");
    node.operations.send(message(1), None).await.unwrap();
    world.settled(ms(10_000)).await;
    assert_eq!(world.push.attempts().len(), 4);
    assert_eq!(node.alerts.status()[&AlertKind::UnauthorizedSender].raised, 1);
    let flagged: Vec<_> = world.store.devices(user(1)).await.unwrap();
    assert_eq!(flagged.iter().filter(|device| device.must_resubscribe).count(), 1);
    // The one that must subscribe again is not asked until it does.
    node.operations.send(message(1), None).await.unwrap();
    world.settled(ms(10_000)).await;
    assert_eq!(world.push.attempts().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_push_service_that_asks_to_wait_is_waited_for() {
    let world = World::new();
    let devices = world.user_with(1, 2).await;
    let asks =
        |seconds| Does::Says(PushError::Throttled { status: 429, retry_after: Some(Duration::from_secs(seconds)) });
    world.push.next(&devices[0], [asks(2)]);
    world.push.next(&devices[1], [asks(120)]);
    let node = world.start("a");
    node.operations.send(message(1), None).await.unwrap();
    world.settled(ms(200_000)).await;
    let quick = waits(&world.push.attempts_to(&devices[0]));
    assert!((2_000..2_100).contains(&quick[0].as_millis()), "{quick:?}");
    let slow = waits(&world.push.attempts_to(&devices[1]));
    assert!((120_000..121_500).contains(&slow[0].as_millis()), "{slow:?}");
    assert_eq!(node.pushes.read().deferred, 1, "the long wait is the store's");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_panics_costs_its_own_push() {
    let world = World::new();
    let devices = world.user_with(1, 2).await;
    world.push.of(&devices[0], Does::Panics);
    let node = world.start("a");
    node.operations.send(message(1), None).await.unwrap();
    world.settled(ms(10_000)).await;
    assert_eq!((node.pushes.read().sent, node.pushes.read().failed), (1, 1));
    assert_eq!(node.pushes.read().running, 0);
}

/// After an outage of days a person sends again what failed: with all its attempts, as if it were new.
#[tokio::test(start_paused = true)]
async fn what_failed_long_ago_is_sent_again_as_if_it_were_new() {
    let world = World::new();
    let device = world.user_with(1, 1).await.remove(0);
    world.push.of(&device, Does::Says(PushError::Unreachable(None)));
    let refused = MailError::Permanent { code: 554, answer: "no".to_owned(), recipient: false };
    let later = MailError::Transient { code: 451, answer: "later".to_owned() };
    world.mail.next(&address(1), [Replies::Says(refused), Replies::Says(later)]);
    let node = world.start("a");
    node.operations.send(message(1), None).await.unwrap();
    world.settled(ms(10_000)).await;
    world.clock.step(Duration::from_secs(48 * 60 * 60));
    world.push.next(&device, [Does::Says(PushError::Timeout)]);
    world.push.of(&device, Does::Takes);
    let before = world.push.attempts().len();
    let since = "2000-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(node.operations.resend(Resend::Since(since)).await.unwrap(), 2);
    world.settled(ms(10_000)).await;
    assert_eq!(world.push.attempts().len() - before, 2);
    let sent = world.deliveries(1).await;
    assert!(sent.iter().all(|one| one.status == DeliveryStatus::Sent), "{sent:?}");
}
