//! Many devices: a dead provider delays only itself, and a provider that has gone mad empties no table.

use std::time::Duration;

use domain::model::UserId;
use domain::notification::alerts::AlertKind;
use domain::notification::model::{Channel, ChannelSet, Device, target_address};
use domain::notification::operations::Message;
use domain::ports::{Devices as _, PushError, PushTarget};
use tokio::time::Instant;

use super::fakes::Does;
use super::world::{Settings, World, browser, message, ms, until, user};

const DEVICES: u128 = 10_000;
const DEVICES_PER_USER: u128 = 20;

fn push_only(user_id: UserId) -> Message {
    Message { user_id, channels: ChannelSet::of([Channel::PushNotification]), ..message(0) }
}

/// The `n`th device of all, at `origin`.
fn device(n: u128, origin: &str) -> Device {
    let sample = browser(n, user(n / DEVICES_PER_USER));
    let PushTarget::WebPush(mut subscription) = sample.target else { unreachable!("a browser") };
    subscription.endpoint = format!("https://{origin}/{n}");
    Device { target: PushTarget::WebPush(subscription), ..sample }
}

/// How long after their acceptance the pushes to those that answer arrived; every hundredth hangs, if `hangs`.
async fn latencies(hangs: bool, dead_origins: u128) -> Vec<Duration> {
    let world = World::new();
    world.push.takes(ms(50));
    for n in 0..DEVICES {
        let is_dead = hangs && n % 100 == 0;
        let origin = match is_dead {
            true => format!("dead-{}.test", (n / 100) % dead_origins),
            false => format!("push-{}.test", n % 10),
        };
        let address = world.device(device(n, &origin)).await;
        if is_dead {
            world.push.of(&address, Does::Hangs);
        }
    }
    let begun = Instant::now();
    let node = world.start("a");
    for n in 0..DEVICES / DEVICES_PER_USER {
        node.operations.send(push_only(user(n)), None).await.unwrap();
    }
    let expected = if hangs { DEVICES - DEVICES / 100 } else { DEVICES };
    until("all that answer have it", ms(60_000), async || world.push.arrivals() as u128 == expected).await;
    let mut all: Vec<Duration> = world.push.arrived().iter().map(|one| one.at - begun).collect();
    all.sort();
    all
}

fn p99(sorted: &[Duration]) -> f64 {
    sorted[sorted.len() * 99 / 100].as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn one_percent_that_hangs_does_not_delay_the_others() {
    let healthy = p99(&latencies(false, 1).await);
    for dead_origins in [1, 100] {
        let beside_dead = p99(&latencies(true, dead_origins).await);
        let moved = (beside_dead - healthy).abs() / healthy;
        assert!(moved < 0.1, "{dead_origins} dead: p99 moved from {healthy} s to {beside_dead} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_provider_is_left_alone_then_probed_then_used() {
    let world = World::new();
    let mut devices = Vec::new();
    for n in 0..200 {
        devices.push(world.device(device(n, "dead.test")).await);
    }
    world.push.usually(Does::Says(PushError::Unreachable(None)));
    let node = world.start("a");
    for n in 0..200 / DEVICES_PER_USER {
        node.operations.send(push_only(user(n)), None).await.unwrap();
    }
    tokio::time::sleep(ms(10_000)).await;
    assert_eq!(node.pushes.read().open_breakers, 1);
    let first = world.push.attempts().len();
    // As many as may run at a time, and no retries: 200 pushes would be 1,000 attempts.
    assert!(first <= 128, "{first}");
    tokio::time::sleep(ms(60_000)).await;
    let probes = world.push.attempts().len() - first;
    assert!((1..=4).contains(&probes), "{probes} probes in a minute");
    world.push.usually(Does::Takes);
    world.settled(ms(120_000)).await;
    assert_eq!(node.pushes.read().sent, 200, "nothing was lost: {:?}", node.pushes.read());
    assert_eq!(node.pushes.read().open_breakers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_push_service_that_says_gone_to_all_empties_no_table() {
    let mut settings = Settings::default();
    settings.push.guard.free = 10;
    let world = World::with(settings);
    for n in 0..200 {
        let address = world.device(device(n, if n < 100 { "mad.test" } else { "good.test" })).await;
        if n < 100 {
            world.push.of(&address, Does::Says(PushError::Gone { status: 410 }));
        }
    }
    let node = world.start("a");
    for n in 0..200 / DEVICES_PER_USER {
        node.operations.send(push_only(user(n)), None).await.unwrap();
    }
    world.settled(ms(60_000)).await;
    let mut left = 0;
    for n in 0..200 / DEVICES_PER_USER {
        left += world.store.devices(user(n)).await.unwrap().len();
    }
    assert!((160..=190).contains(&left), "{left} devices are left of 200");
    assert!(node.pushes.read().removal_stopped);
    assert!(node.alerts.status()[&AlertKind::MassRemoval].raised >= 1);
    assert_eq!(world.push.attempts().len(), 200, "none was tried twice");
}

#[tokio::test(start_paused = true)]
async fn a_few_that_are_gone_are_removed() {
    let world = World::new();
    for n in 0..200 {
        let address = world.device(device(n, "good.test")).await;
        if n % 20 == 0 {
            world.push.of(&address, Does::Says(PushError::Gone { status: 404 }));
        }
    }
    let node = world.start("a");
    for n in 0..200 / DEVICES_PER_USER {
        node.operations.send(push_only(user(n)), None).await.unwrap();
    }
    world.settled(ms(60_000)).await;
    assert_eq!(node.pushes.read().removed, 10);
    assert!(!node.pushes.read().removal_stopped);
    let device = device(20, "good.test");
    let devices = world.store.devices(device.user_id).await.unwrap();
    assert!(devices.iter().all(|other| target_address(&other.target) != target_address(&device.target)));
}
