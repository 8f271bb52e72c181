//! Instances of the service over one store and one bus.

use std::sync::Arc;
use std::time::Duration;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryNotifications, MemoryStore, MemoryStoreConfig};
use coherence::testing::{Seed, TestClock};
use coherence::{Rng, WallClock};
use domain::Wake;
use domain::event::{Event, ForecastCompleted};
use domain::model::{CompanyId, EventId, ForecastId, Status, UnitId, UserId};
use domain::notification::alerts::{Alerts, AlertsConfig, AlertsJob};
use domain::notification::live::{LiveHub, LiveRoad};
use domain::notification::mail::{
    MailBatchConfig, MailBatchWorker, MailSender, MailSenderConfig, MailSenderStatusHandle,
};
use domain::notification::model::{
    Body, ChannelSet, Delivery, Device, DeviceFilter, DeviceId, MailAddress, Name, Notification, NotificationType,
    Title, UserEntry, target_address,
};
use domain::notification::operations::{Message, NotificationOperations, OperationsConfig};
use domain::notification::push::{PushConfig, PushGateways, PushSender, PushStatusHandle};
use domain::notification::{
    CompletedConsumer, ConsumerStatusHandle, Delivered, NotificationManager, NotificationPorts, Registry, Shared,
};
use domain::ports::{
    Bus, Deliveries as _, Devices as _, Inbox as _, InboxQuery, InboxStart, NotificationStore, PushTarget,
    Recipients as _, TemplateId, Topic, WebPushSubscription,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::fakes::{FakeMail, FakePush, FakeTemplates};
use crate::pipeline::ports::TestIds;
use crate::support::uuid;

pub(super) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn user(n: u128) -> UserId {
    UserId(uuid(0x100 + n))
}

pub(super) fn company(n: u128) -> CompanyId {
    CompanyId(uuid(0x200 + n))
}

pub(super) fn unit(n: u128) -> UnitId {
    UnitId(uuid(0x300 + n))
}

/// A browser of a user.
pub(super) fn browser(n: u128, user: UserId) -> Device {
    let mut p256dh = [7; 65];
    p256dh[0] = 4;
    let endpoint = format!("https://push.test/{n}");
    device(n, user, PushTarget::WebPush(WebPushSubscription { endpoint, p256dh, auth: [7; 16] }))
}

/// An app of a user.
pub(super) fn app(n: u128, user: UserId) -> Device {
    device(n, user, PushTarget::Fcm { token: format!("token-{n}") })
}

fn device(n: u128, user_id: UserId, target: PushTarget) -> Device {
    let at = crate::support::time("2025-11-12T10:00:00Z");
    Device {
        id: DeviceId(uuid(0x10_0000 + n)),
        user_id,
        target,
        os_version: None,
        vapid_key_id: None,
        created_at: at,
        last_seen_at: at,
        must_resubscribe: false,
    }
}

/// What can be set about the instances of a world.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) push: PushConfig,
    pub(super) batch: MailBatchConfig,
    pub(super) sender: MailSenderConfig,
    pub(super) ops: Option<MailAddress>,
}

pub(super) struct World {
    pub(super) store: MemoryNotifications,
    pub(super) parking: MemoryStore,
    pub(super) bus: MemoryBus,
    pub(super) push: FakePush,
    pub(super) mail: FakeMail,
    pub(super) settings: Settings,
    pub(super) clock: Arc<TestClock>,
    rng: Arc<dyn Rng>,
}

/// One instance.
pub(super) struct Node {
    pub(super) operations: NotificationOperations,
    pub(super) manager: NotificationManager,
    pub(super) registry: Registry,
    pub(super) alerts: Alerts,
    pub(super) consumer: ConsumerStatusHandle,
    pub(super) pushes: PushStatusHandle,
    pub(super) mails: MailSenderStatusHandle,
    stop: Arc<Notify>,
    jobs: Vec<JoinHandle<()>>,
}

impl Node {
    /// As `kill -9` does it.
    pub(super) async fn kill(self) {
        for job in self.jobs {
            job.abort();
            job.await.ok();
        }
    }

    /// As SIGTERM does it.
    pub(super) async fn stop(self) {
        self.stop.notify_waiters();
        for job in self.jobs {
            job.await.unwrap();
        }
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let clock = TestClock::new();
        let wall: Arc<dyn WallClock> = clock.clone();
        let bus = MemoryBus::new(MemoryBusConfig::default(), wall.clone());
        Self {
            store: MemoryNotifications::new(wall.clone()),
            parking: MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), wall),
            bus,
            push: FakePush::default(),
            mail: FakeMail::default(),
            settings,
            clock,
            rng: Seed::rng(7),
        }
    }

    fn shared(&self, hub: &LiveHub) -> Shared {
        let ports = NotificationPorts {
            store: Arc::new(self.store.clone()) as Arc<dyn NotificationStore>,
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            ids: Arc::new(TestIds(self.rng.clone())),
        };
        Shared {
            ports,
            alerts: Alerts::new(),
            live: Arc::new(hub.clone()),
            meter: Arc::new(|_: Delivered| {}),
            push_wake: Wake::new(),
            mail_wake: Wake::new(),
            queue_wake: Wake::new(),
        }
    }

    /// An instance of which nothing runs.
    pub(super) fn idle(&self) -> Node {
        self.node("idle", false)
    }

    /// An instance of which everything runs.
    pub(super) fn start(&self, name: &str) -> Node {
        self.node(name, true)
    }

    fn node(&self, name: &str, runs: bool) -> Node {
        let hub = LiveHub::new();
        let shared = self.shared(&hub);
        let (ports, alerts) = (shared.ports.clone(), shared.alerts.clone());
        let gateway = Arc::new(self.push.clone());
        let gateways = PushGateways { web_push: Some(gateway.clone()), fcm: Some(gateway) };
        let operations = NotificationOperations::new(shared.clone(), OperationsConfig::new("https://pulse.test/"));
        let bus: Arc<dyn Bus> = Arc::new(self.bus.clone());
        let parking = Arc::new(self.parking.clone());
        let consumer = CompletedConsumer::new(bus.clone(), parking, operations.clone(), ports.clone(), alerts.clone());
        let pushes = PushSender::new(shared.clone(), gateways.clone(), self.settings.push.clone());
        let batches = MailBatchWorker::new(shared.clone(), Arc::new(FakeTemplates), self.settings.batch.clone());
        let mails = MailSender::new(shared.clone(), Arc::new(self.mail.clone()), self.settings.sender.clone());
        let road = LiveRoad::new(hub.clone(), bus, self.rng.clone(), name);
        let config = AlertsConfig {
            address: self.settings.ops.clone(),
            template: TemplateId("ops_alert".to_owned()),
            link: "https://pulse.test/".to_owned(),
        };
        let alerting = AlertsJob::new(alerts.clone(), config, ports, shared.mail_wake.clone());
        let mut node = Node {
            operations,
            manager: NotificationManager::new(shared.clone(), hub),
            registry: Registry::new(shared, gateways),
            alerts,
            consumer: consumer.status(),
            pushes: pushes.status(),
            mails: mails.status(),
            stop: Arc::new(Notify::new()),
            jobs: Vec::new(),
        };
        let stop = || {
            let stop = node.stop.clone();
            async move { stop.notified().await }
        };
        if runs {
            let jobs = [
                tokio::spawn(consumer.run(stop())),
                tokio::spawn(pushes.run(stop())),
                tokio::spawn(batches.run(stop())),
                tokio::spawn(mails.run(stop())),
                tokio::spawn(road.run(stop())),
                tokio::spawn(alerting.run(stop())),
            ];
            node.jobs.extend(jobs);
        }
        node
    }

    /// A user with a mail address and some devices, of which every other one is a browser; answers their addresses.
    pub(super) async fn user_with(&self, n: u128, devices: u128) -> Vec<String> {
        let entry = UserEntry {
            id: user(n),
            name: Name::new(format!("User {n}")).unwrap(),
            address: Some(MailAddress::new(address(n)).unwrap()),
        };
        self.store.upsert_directory(vec![entry], Vec::new()).await.unwrap();
        let mut addresses = Vec::new();
        for device in 0..devices {
            let number = 1_000 * n + device;
            let device = if device % 2 == 0 { app(number, user(n)) } else { browser(number, user(n)) };
            addresses.push(self.device(device).await);
        }
        addresses
    }

    pub(super) async fn device(&self, device: Device) -> String {
        let address = target_address(&device.target).to_owned();
        self.store.register(device).await.unwrap();
        address
    }

    /// Publishes that a forecast was completed by a user.
    pub(super) async fn complete(&self, event: &ForecastCompleted) {
        let event = event.outbox(&Default::default()).unwrap();
        self.bus.publish(Topic::ForecastCompleted, event.message).await.unwrap();
    }

    pub(super) async fn inbox(&self, n: u128) -> Vec<Notification> {
        let query = InboxQuery { user_id: user(n), start: InboxStart::Skip(0), take: 100 };
        self.store.list(&query).await.unwrap().items
    }

    /// The deliveries of the only notification that a user has.
    pub(super) async fn deliveries(&self, n: u128) -> Vec<Delivery> {
        let inbox = self.inbox(n).await;
        assert_eq!(inbox.len(), 1);
        self.store.deliveries(inbox[0].id).await.unwrap().unwrap().deliveries
    }

    /// Nothing waits any more.
    pub(super) async fn settled(&self, within: Duration) {
        let end = Instant::now() + within;
        loop {
            let backlog = self.store.backlog().await.unwrap();
            if backlog.pushes + backlog.mail_intents + backlog.mails == 0 {
                return;
            }
            assert!(Instant::now() < end, "{backlog:?} after {within:?}");
            tokio::time::sleep(ms(20)).await;
        }
    }
}

pub(super) fn address(n: u128) -> String {
    format!("user{n}@example.com")
}

/// Until `holds` does.
pub(super) async fn until(what: &str, within: Duration, holds: impl AsyncFn() -> bool) {
    let end = Instant::now() + within;
    while !holds().await {
        assert!(Instant::now() < end, "not in {within:?}: {what}");
        tokio::time::sleep(ms(5)).await;
    }
}

pub(super) fn completed(n: u128, by: u128) -> ForecastCompleted {
    ForecastCompleted {
        forecast_id: ForecastId(uuid(0x500 + n)),
        status: Status::Completed,
        completed_at: "2025-11-12T10:30:00Z".parse().unwrap(),
        event_id: Some(EventId(uuid(0x900 + n))),
        company_id: Some(company(1)),
        unit_id: Some(unit(1)),
        user_id: Some(user(by)),
    }
}

pub(super) fn message(n: u128) -> Message {
    Message {
        user_id: user(n),
        title: Title::new("Production Alert").unwrap(),
        body: Body::new("Demand dropped 30%").unwrap(),
        kind: NotificationType::Alert,
        channels: ChannelSet::ALL,
        devices: DeviceFilter::Both,
        attachments: Vec::new(),
    }
}
