//! Instances of the notification service over one store and one bus.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryNotifications};
use adapters::system::{SeededRng, SystemIds};
use adapters::templates::Templates;
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coherence::testing::TestClock;
use coherence::{Rng, WallClock};
use domain::Wake;
use domain::forecast::Role;
use domain::model::{CompanyId, Scope, UserId};
use domain::notification::alerts::Alerts;
use domain::notification::live::{LiveHub, LiveRoad};
use domain::notification::mail::{MailBatchConfig, MailBatchWorker, MailSender, MailSenderConfig};
use domain::notification::model::{MailAddress, Name, UserEntry};
use domain::notification::operations::{NotificationOperations, OperationsConfig};
use domain::notification::push::{PushConfig, PushGateways, PushSender};
use domain::notification::{Delivered, NotificationManager, NotificationPorts, Registry, Shared};
use domain::ports::{Bus, Deliveries as _, Devices as _, Inbox as _, Recipients as _};
use serde_json::{Value, json};
use smartpulse::app::Routes;
use smartpulse::auth::verifier::Rules;
use smartpulse::auth::{KeySet, MemoryTickets, TokenRequest, Verifier, sign_hs256};
use smartpulse::config::{Config, Inputs, Override, RateSettings, load};
use smartpulse::http::notifications::{NotificationApi, NotificationApiParts, Rate, routes};
use smartpulse::http::params::{method_not_allowed, route_not_found};
use smartpulse::http::streams::StreamBase;
use smartpulse::http::{EdgeLayer, Gatekeeper, RateLimiter, RequestIds};
use smartpulse::serve::Drain;
use smartpulse::telemetry::{Catalogue, RequestMetrics};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower::Layer as _;
use uuid::Uuid;

use super::channels::{TestMail, TestPush};
use crate::api::client::{Ask, Reply};
use crate::api::contract::Contract;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// What the link in a mail begins with.
pub(super) const UNSUBSCRIBE: &str = "https://pulse.test/unsubscribe/";

pub(super) fn user(n: u128) -> Uuid {
    Uuid::from_u128(0xa000_0000_0000_4000_8000_0000_0000_0000 + n)
}

pub(super) fn company(n: u128) -> Uuid {
    Uuid::from_u128(0xc000_0000_0000_4000_8000_0000_0000_0000 + n)
}

/// Everything that instances share.
pub(super) struct World {
    pub(super) store: MemoryNotifications,
    pub(super) bus: MemoryBus,
    pub(super) push: TestPush,
    pub(super) mail: TestMail,
    pub(super) clock: Arc<TestClock>,
    rng: Arc<dyn Rng>,
    tickets: Arc<MemoryTickets>,
    contract: Arc<Contract>,
    pub(super) config: Config,
    pub(super) sends: Rate,
    pub(super) unsubscribes: Rate,
}

/// One instance.
pub(super) struct Node {
    pub(super) router: Routes,
    pub(super) api: NotificationApi,
    pub(super) drain: Drain,
    pub(super) open: LiveHub,
    contract: Arc<Contract>,
    jobs: Vec<JoinHandle<()>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.jobs.iter().for_each(JoinHandle::abort);
    }
}

fn rate(set: RateSettings) -> Rate {
    Rate { rate_per_s: set.per_s, burst: set.burst }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    pub(super) fn with(settings: &[(&str, &str)]) -> Self {
        let clock = TestClock::new();
        let wall: Arc<dyn WallClock> = clock.clone();
        let flags = settings.iter().map(|(key, value)| Override {
            flag: "--set".to_owned(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        });
        let config = load(&Inputs { flags: flags.collect(), ..Inputs::default() }).unwrap().config;
        Self {
            store: MemoryNotifications::new(wall.clone()),
            bus: MemoryBus::new(MemoryBusConfig::default(), wall.clone()),
            push: TestPush::new(wall),
            mail: TestMail::default(),
            clock,
            rng: Arc::new(SeededRng::new(7)),
            tickets: Arc::new(MemoryTickets::new(100)),
            contract: Arc::new(Contract::of(routes().split_for_parts().1)),
            sends: rate(config.notifications.sends),
            unsubscribes: rate(config.notifications.unsubscribes),
            config,
        }
    }

    fn shared(&self, hub: &LiveHub) -> Shared {
        let clock: Arc<dyn WallClock> = self.clock.clone();
        let ids = Arc::new(SystemIds::new(clock.clone(), self.rng.clone()));
        Shared {
            ports: NotificationPorts { store: Arc::new(self.store.clone()), clock, rng: self.rng.clone(), ids },
            alerts: Alerts::new(),
            live: Arc::new(hub.clone()),
            meter: Arc::new(|_: Delivered| {}),
            push_wake: Wake::new(),
            mail_wake: Wake::new(),
            queue_wake: Wake::new(),
        }
    }

    /// An instance whose channels do not work: what was accepted waits.
    pub(super) fn idle(&self) -> Node {
        self.node("idle", false)
    }

    /// The same, which logs each request.
    pub(super) fn logging(&self) -> Node {
        self.node("logging", false)
    }

    /// An instance with all its jobs.
    pub(super) fn start(&self, name: &str) -> Node {
        self.node(name, true)
    }

    fn node(&self, name: &str, runs: bool) -> Node {
        let hub = LiveHub::new();
        let shared = self.shared(&hub);
        let gateway = Arc::new(self.push.clone());
        let gateways = PushGateways { web_push: Some(gateway.clone()), fcm: Some(gateway) };
        let mut jobs = Vec::new();
        if runs {
            let never = std::future::pending::<()>;
            let bus: Arc<dyn Bus> = Arc::new(self.bus.clone());
            let templates = Arc::new(Templates::built_in().unwrap());
            let sender = MailSenderConfig { unsubscribe_url: Some(UNSUBSCRIBE.to_owned()), ..Default::default() };
            let pushes = PushSender::new(shared.clone(), gateways.clone(), PushConfig::default());
            let batches = MailBatchWorker::new(shared.clone(), templates, MailBatchConfig::default());
            let mails = MailSender::new(shared.clone(), Arc::new(self.mail.clone()), sender);
            jobs.push(tokio::spawn(LiveRoad::new(hub.clone(), bus, self.rng.clone(), name).run(never())));
            jobs.push(tokio::spawn(pushes.run(never())));
            jobs.push(tokio::spawn(batches.run(never())));
            jobs.push(tokio::spawn(mails.run(never())));
        }
        let drain = Drain::new(Duration::ZERO, Duration::from_secs(5));
        let api = self.api(shared, &hub, gateways, &drain);
        Node { router: self.router(name, &api), api, drain, open: hub, contract: self.contract.clone(), jobs }
    }

    fn api(&self, shared: Shared, hub: &LiveHub, gateways: PushGateways, drain: &Drain) -> NotificationApi {
        let (config, clock) = (&self.config, self.clock.clone());
        let now = Arc::new(move || clock.now().as_second());
        let verifier = Verifier::new(KeySet::hs256(SECRET, None), Rules::default(), 100, 7, now);
        let limits = &config.limits;
        let limiter = RateLimiter::new(limits.rate_per_s, limits.burst, limits.subjects_max);
        let parts = NotificationApiParts {
            operations: NotificationOperations::new(shared.clone(), OperationsConfig::new("https://pulse.test")),
            manager: NotificationManager::new(shared.clone(), hub.clone()),
            registry: Registry::new(shared, gateways),
            keeper: Arc::new(Gatekeeper { verifier: Arc::new(verifier), limiter }),
            streams: StreamBase::new(
                self.tickets.clone(),
                self.clock.clone(),
                self.rng.clone(),
                drain.clone(),
                &config.streams,
                limits,
            ),
            vapid_public_key: Some(self.push.public_key()),
            sends: self.sends,
            unsubscribes: self.unsubscribes,
        };
        NotificationApi::new(parts, &config.http, limits)
    }

    fn router(&self, name: &str, api: &NotificationApi) -> Routes {
        let (router, description) = routes().split_for_parts();
        let router: Router =
            router.with_state(api.clone()).fallback(route_not_found).method_not_allowed_fallback(method_not_allowed);
        let metrics = RequestMetrics::register(&mut Catalogue::new(), description.paths.paths.into_keys());
        EdgeLayer::new(RequestIds::new(name, "b"), metrics, name == "logging", None).layer(router)
    }

    /// A user of the directory.
    pub(super) async fn knows(&self, n: u128) {
        let entry = UserEntry {
            id: UserId(user(n)),
            name: Name::new("John").unwrap(),
            address: Some(MailAddress::new(format!("user{n}@example.com")).unwrap()),
        };
        self.store.upsert_directory(vec![entry], Vec::new()).await.unwrap();
    }

    /// That nothing is stored of these users, and nothing was sent.
    pub(super) async fn is_untouched(&self, users: &[u128]) {
        for n in users {
            let id = UserId(user(*n));
            assert_eq!(self.store.unread(id).await.unwrap(), 0);
            assert_eq!(self.store.devices(id).await.unwrap(), []);
            assert_eq!(self.store.preferences(id).await.unwrap(), []);
        }
        assert_eq!(self.store.backlog().await.unwrap(), Default::default());
        assert!(self.push.asked().is_empty() && self.mail.taken().is_empty());
    }
}

impl Node {
    pub(super) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        Ask::new(&self.router, Some(&self.contract), method, path)
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> Reply {
        self.ask("GET", path).by(token).send().await
    }

    pub(super) async fn put(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.ask("PUT", path).by(token).json(body).send().await
    }

    pub(super) async fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.ask("POST", path).by(token).json(body).send().await
    }

    /// Sends a message in the app to user `n`; answers its id.
    pub(super) async fn tell(&self, n: u128, title: &str) -> String {
        let reply = self.post(&sender(), "/api/notifications", &message(n, title, json!(["InApp"]))).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Registers a device of user `n`; answers its id.
    pub(super) async fn device(&self, n: u128, body: &Value) -> String {
        let reply = self.post(&reader(n), "/api/devices", body).await;
        assert!(reply.status.is_success(), "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// The ids of all of user `n`'s notifications, newest first.
    pub(super) async fn inbox(&self, n: u128) -> Vec<Value> {
        let reply = self.get(&reader(n), "/api/notifications?take=100").await;
        reply.json()["items"].as_array().unwrap().clone()
    }
}

pub(super) fn message(n: u128, title: &str, channels: Value) -> Value {
    json!({"userId": user(n), "title": title, "body": "Demand dropped 30%", "channels": channels})
}

/// The endpoint of the browser number `n`.
pub(super) fn endpoint(n: u128) -> String {
    format!("https://push.example.com/{n}")
}

/// A browser, as `POST /api/devices` takes it.
pub(super) fn browser(n: u128) -> Value {
    subscribed(&endpoint(n), 65, 16)
}

/// A browser at this endpoint, with keys of these lengths.
pub(super) fn subscribed(endpoint: &str, key_bytes: usize, auth_bytes: usize) -> Value {
    // The base point of P-256: a device's key is a point on the curve.
    const POINT: [u8; 65] = [
        4, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
        0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2,
        0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31,
        0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];
    let key: Vec<u8> = POINT.into_iter().chain([7; 8]).take(key_bytes).collect();
    let keys = json!({"p256dh": URL_SAFE_NO_PAD.encode(key), "auth": URL_SAFE_NO_PAD.encode(vec![7; auth_bytes])});
    json!({"integrationType": 0, "subscriptionJson": {"endpoint": endpoint, "expirationTime": null, "keys": keys}})
}

/// An app.
pub(super) fn app(n: u128) -> Value {
    json!({"integrationType": 1, "token": format!("token-{n}")})
}

/// A token of user `n` of company 1, without any role.
pub(super) fn reader(n: u128) -> String {
    token(n, &[], 365 * 86_400)
}

/// A token of user 90, who may send.
pub(super) fn sender() -> String {
    token(90, &[Role::NotifySend], 365 * 86_400)
}

/// A token of user `n`, for so many seconds from the start of the test's clock.
pub(super) fn token(n: u128, roles: &[Role], life_s: i64) -> String {
    const START_UNIX_S: i64 = 1_762_943_400;
    let request = TokenRequest {
        user: user(n),
        scope: Scope::Companies(BTreeSet::from([CompanyId(company(1))])),
        roles: roles.to_vec(),
        issued_at_unix_s: START_UNIX_S,
        expires_at_unix_s: START_UNIX_S + life_s,
        issuer: None,
        audience: None,
    };
    sign_hs256(SECRET, &request).unwrap()
}

/// Until `holds` does.
pub(super) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < end, "it does not come: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
