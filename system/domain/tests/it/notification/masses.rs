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

/// Where the devices are.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// At ten push services.
    Ten,
    /// All at one.
    One,
}

impl Place {
    fn origin(self, n: u128) -> String {
        match self {
            Self::Ten => format!("push-{}.test", n % 10),
            Self::One => "push.test".to_owned(),
        }
    }
}

/// How long after their acceptance the pushes to those that answer arrived. Every hundredth hangs if `hangs` says where.
async fn latencies(settings: &Settings, place: Place, hangs: Option<&dyn Fn(u128) -> String>) -> Vec<Duration> {
    let world = World::with(settings.clone());
    world.push.takes(ms(50));
    for n in 0..DEVICES {
        let dead = hangs.filter(|_| n % 100 == 0);
        let origin = dead.map_or_else(|| place.origin(n), |origin| origin(n));
        let address = world.device(device(n, &origin)).await;
        if dead.is_some() {
            world.push.of(&address, Does::Hangs);
        }
    }
    let begun = Instant::now();
    let node = world.start("a");
    for n in 0..DEVICES / DEVICES_PER_USER {
        node.operations.send(push_only(user(n)), None).await.unwrap();
    }
    let expected = if hangs.is_some() { DEVICES - DEVICES / 100 } else { DEVICES };
    until("all that answer have it", ms(60_000), async || world.push.arrivals() as u128 == expected).await;
    let mut all: Vec<Duration> = world.push.arrived().iter().map(|one| one.at - begun).collect();
    all.sort();
    all
}

fn p99(sorted: &[Duration]) -> f64 {
    sorted[sorted.len() * 99 / 100].as_secs_f64()
}

/// By which share the p99 of those that answer moves from what it is where all do.
async fn moved(settings: &Settings, place: Place, healthy: f64, hangs: &dyn Fn(u128) -> String) -> f64 {
    (p99(&latencies(settings, place, Some(hangs)).await) - healthy).abs() / healthy
}

#[tokio::test(start_paused = true)]
async fn one_percent_that_hangs_does_not_delay_the_others() {
    let (settings, place) = (Settings::default(), Place::Ten);
    let healthy = p99(&latencies(&settings, place, None).await);
    let one = moved(&settings, place, healthy, &|_| "dead.test".to_owned()).await;
    let hundred = moved(&settings, place, healthy, &|n| format!("dead-{}.test", n / 100)).await;
    let theirs = moved(&settings, place, healthy, &|n| place.origin(n / 100)).await;
    assert!([one, hundred, theirs].iter().all(|moved| *moved < 0.1), "{one:.3} {hundred:.3} {theirs:.3}");
}

/// Devices that hang at a push service, where all the others are too. All apps are at one: FCM.
#[tokio::test(start_paused = true)]
async fn one_percent_that_hangs_does_not_delay_the_others_at_its_push_service() {
    let (mut settings, place) = (Settings::default(), Place::One);
    let healthy = p99(&latencies(&settings, place, None).await);
    let moved_by = moved(&settings, place, healthy, &|n| place.origin(n)).await;
    assert!(moved_by < 0.1, "p99 moved by {moved_by:.3} from {healthy} s");
    // Where those that hang keep the places of their push service, the others do wait.
    settings.push.slow_per_origin = 0;
    let moved_by = moved(&settings, place, healthy, &|n| place.origin(n)).await;
    assert!(moved_by > 0.3, "p99 moved by {moved_by:.3} only: this test shows nothing");
}

/// Of a push service where nothing answers, no more attempts run than its places.
#[tokio::test(start_paused = true)]
async fn a_push_service_that_hangs_has_only_its_places() {
    let mut settings = Settings::default();
    (settings.push.per_origin, settings.push.slow_per_origin) = (8, 24);
    let world = World::with(settings);
    for n in 0..200 {
        world.device(device(n, "dead.test")).await;
    }
    world.push.usually(Does::Hangs);
    let node = world.start("a");
    for n in 0..200 / DEVICES_PER_USER {
        node.operations.send(push_only(user(n)), None).await.unwrap();
    }
    tokio::time::sleep(ms(4_900)).await;
    assert_eq!((node.pushes.read().running, world.push.attempts().len()), (32, 32));
    world.push.usually(Does::Takes);
    world.settled(ms(200_000)).await;
    assert_eq!(node.pushes.read().sent, 200);
}

/// Whoever registers devices chooses the origins.
#[tokio::test(start_paused = true)]
async fn origins_that_fail_are_forgotten() {
    let world = World::new();
    let devices = 5_000;
    for n in 0..devices {
        world.device(device(n, &format!("dead-{n}.test"))).await;
    }
    world.push.usually(Does::Says(PushError::Unreachable(None)));
    let node = world.start("a");
    for n in 0..devices / DEVICES_PER_USER {
        node.operations.send(push_only(user(n)), None).await.unwrap();
    }
    world.settled(ms(20_000)).await;
    assert_eq!(u128::from(node.pushes.read().failed), devices);
    let known = node.pushes.read().origins;
    assert!((1..=4_096).contains(&known), "{known}");
    tokio::time::sleep(ms(70_000)).await;
    assert_eq!(node.pushes.read().origins, 0);
    assert_eq!(node.pushes.read().open_breakers, 0);
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
