//! An instance for tests: the real App over memory ports or over SQLite, with faults, tokens, and the contract that each
//! answer is held against.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryNotifications, MemoryStore, MemoryStoreConfig};
use adapters::system::{SeededRng, SystemIds};
use adapters::templates::Templates;
use coherence::backplane::{MemoryBackplane, MemoryBackplaneLimits};
use coherence::shared::{MemorySharedTier, MemorySharedTierLimits};
use coherence::{Rng, SharedTier, Timestamp, WallClock};
use domain::forecast::Role;
use domain::model::{CompanyId, ForecastId, Scope, forecast_key};
use domain::ports::Bus;
use serde_json::{Value, json};
use smartpulse::app::Routes;
use smartpulse::app::{App, Channels, Ports};
use smartpulse::auth::{MemoryTickets, TokenRequest, sign_hs256};
use smartpulse::config::{Config, Inputs, Override, load};
use smartpulse::wiring::Embedded;
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

use super::client::{Ask, Reply};
use super::contract::Contract;
use super::faults::{TestShared, TestStore};

pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// When the test clock starts: 2025-11-12T10:30:00Z.
pub(super) const START_UNIX_S: i64 = 1_762_943_400;
/// Longer than any test, paused ones included.
const TOKEN_LIFE_S: i64 = 50 * 365 * 86_400;

/// What an instance stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Memory,
    Sqlite,
}

impl On {
    /// For tests that hold on both. Time must run in them: paused time and SQLite exclude each other.
    pub(super) const BOTH: [Self; 2] = [Self::Memory, Self::Sqlite];
}

/// Wall time that follows tokio's.
struct TestClock(Instant);

impl WallClock for TestClock {
    fn now(&self) -> Timestamp {
        let start = Timestamp::from_second(START_UNIX_S).unwrap();
        start.checked_add(self.0.elapsed()).unwrap()
    }
}

/// An instance, and everything under it.
pub(super) struct TestApp {
    pub(super) app: App,
    pub(super) router: Routes,
    pub(super) internal: Routes,
    pub(super) store: Arc<TestStore>,
    pub(super) shared: Arc<TestShared>,
    pub(super) ports: Ports,
    pub(super) contract: Arc<Contract>,
    pub(super) config: Config,
    /// Kept until the last instance is gone.
    dir: Option<Arc<TempDir>>,
}

/// The defaults of a test under `settings`: a known secret, lifetimes without chance.
pub(super) fn config(settings: &[(&str, &str)]) -> Config {
    // Nothing runs beside the routers here: without a beacon the tiers are trusted for their lives.
    let base = [("auth.secret", SECRET), ("cache.jitter", "0.0"), ("cache.freshness", "ttl"), ("sample.load", "false")];
    let flags = base.iter().chain(settings).map(|(key, value)| Override {
        flag: "--set".to_owned(),
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    load(&Inputs { flags: flags.collect(), ..Inputs::default() }).unwrap().config
}

impl TestApp {
    pub(super) async fn memory() -> Self {
        Self::with(On::Memory, &[]).await
    }

    pub(super) async fn on(on: On) -> Self {
        Self::with(on, &[]).await
    }

    pub(super) async fn with(on: On, settings: &[(&str, &str)]) -> Self {
        match on {
            On::Memory => {
                let config = config(&[&[("store.kind", "memory")], settings].concat());
                Self::over(config, memory_ports(), None).await
            }
            On::Sqlite => {
                let dir = Arc::new(TempDir::new().unwrap());
                let config = config(&[&[("data_dir", dir.path().to_str().unwrap())], settings].concat());
                let embedded = Embedded::open(&config).await.unwrap();
                Self::over(config, embedded.ports, Some(dir)).await
            }
        }
    }

    async fn over(config: Config, mut ports: Ports, dir: Option<Arc<TempDir>>) -> Self {
        let store = Arc::new(TestStore::around(ports.store));
        let shared = Arc::new(TestShared::around(ports.shared));
        ports.store = Arc::clone(&store) as _;
        ports.shared = Arc::clone(&shared) as _;
        Self::instance(config, ports, store, shared, dir, "test-1").await
    }

    async fn instance(
        config: Config,
        ports: Ports,
        store: Arc<TestStore>,
        shared: Arc<TestShared>,
        dir: Option<Arc<TempDir>>,
        name: &str,
    ) -> Self {
        let app = App::new(&config, ports.clone(), name).await.unwrap();
        let (router, internal) = (app.router(), app.internal_router());
        let contract = Arc::new(Contract::current());
        Self { app, router, internal, store, shared, ports, contract, config, dir }
    }

    /// A second instance on the same store, bus and shared tier.
    pub(super) async fn beside(&self) -> Self {
        let (store, shared) = (Arc::clone(&self.store), Arc::clone(&self.shared));
        Self::instance(self.config.clone(), self.ports.clone(), store, shared, self.dir.clone(), "test-2").await
    }

    pub(super) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        Ask::new(&self.router, Some(&self.contract), method, path)
    }

    /// To the internal address.
    pub(super) async fn inside(&self, path: &str) -> Reply {
        Ask::new(&self.internal, None, "GET", path).send().await
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> Reply {
        self.ask("GET", path).by(token).send().await
    }

    pub(super) async fn post(&self, token: &str, body: &Value) -> Reply {
        self.ask("POST", "/api/forecasts").by(token).json(body).send().await
    }

    pub(super) async fn patch(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.ask("PATCH", path).by(token).json(body).send().await
    }

    pub(super) async fn delete(&self, token: &str, path: &str) -> Reply {
        self.ask("DELETE", path).by(token).send().await
    }

    pub(super) async fn batch(&self, token: &str, body: &Value) -> Reply {
        self.ask("POST", "/api/forecasts/batch").by(token).json(body).send().await
    }

    /// Creates a forecast and answers its path.
    pub(super) async fn create(&self, token: &str, body: &Value) -> String {
        let reply = self.post(token, body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.header("location").unwrap().to_owned()
    }

    /// How many forecasts the store holds, asked past all caches.
    pub(super) async fn stored(&self) -> u64 {
        let everything = domain::model::ListParams::from_query([("take", "1")]).unwrap();
        self.ports.store.list(&everything.query(&Scope::All)).await.unwrap().total
    }

    /// Drops a forecast from L1 as its expiry would.
    pub(super) fn drop_l1(&self, path: &str) {
        self.app.service().caches().cache().drop_l1(&forecast_key(id_of(path)));
    }

    /// Drops a forecast from L1 and L2.
    pub(super) fn drop_local(&self, path: &str) {
        self.drop_l1(path);
        self.app.service().caches().cache().drop_l2(&forecast_key(id_of(path)));
    }

    pub(super) fn bus(&self) -> &Arc<dyn Bus> {
        &self.ports.bus
    }
}

fn memory_ports() -> Ports {
    let clock: Arc<dyn WallClock> = Arc::new(TestClock(Instant::now()));
    let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(7));
    let bus = MemoryBus::new(MemoryBusConfig::default(), Arc::clone(&clock));
    let store = MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), Arc::clone(&clock));
    let shared: Arc<dyn SharedTier> = Arc::new(MemorySharedTier::new(MemorySharedTierLimits::default()));
    Ports {
        store: Arc::new(store.clone()),
        leases: Arc::new(store.clone()),
        parking: Arc::new(store.clone()),
        outbox: None,
        feed: Arc::new(store),
        notifications: Arc::new(MemoryNotifications::new(Arc::clone(&clock))),
        channels: Channels::none(Arc::new(Templates::built_in().unwrap())),
        bus: Arc::new(bus),
        shared,
        backplane: MemoryBackplane::new(MemoryBackplaneLimits::default()).into_port(),
        tickets: Arc::new(MemoryTickets::new(1_000)),
        ids: Arc::new(SystemIds::new(Arc::clone(&clock), Arc::clone(&rng))),
        clock,
        rng,
        jobs: Vec::new(),
    }
}

pub(super) fn id_of(path: &str) -> ForecastId {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

/// The company number `n`.
pub(super) fn company(n: u128) -> Uuid {
    Uuid::from_u128(0xc000_0000_0000_4000_8000_0000_0000_0000 + n)
}

/// The unit number `n`.
pub(super) fn unit(n: u128) -> Uuid {
    Uuid::from_u128(0xb000_0000_0000_4000_8000_0000_0000_0000 + n)
}

/// The user number `n`.
pub(super) fn user(n: u128) -> Uuid {
    Uuid::from_u128(0xa000_0000_0000_4000_8000_0000_0000_0000 + n)
}

/// A token of user `n` for these companies, who may write.
pub(super) fn writer(n: u128, companies: &[u128]) -> String {
    token(n, scope(companies), &[Role::ForecastWrite])
}

/// The same, who may only read.
pub(super) fn reader(n: u128, companies: &[u128]) -> String {
    token(n, scope(companies), &[])
}

/// A token that sees and writes everything.
pub(super) fn root() -> String {
    token(99, Scope::All, &[Role::ForecastWrite])
}

fn scope(companies: &[u128]) -> Scope {
    let ids: BTreeSet<CompanyId> = companies.iter().map(|n| CompanyId(company(*n))).collect();
    Scope::Companies(ids)
}

fn token(n: u128, scope: Scope, roles: &[Role]) -> String {
    sign_hs256(SECRET.as_bytes(), &token_request(n, scope, roles)).unwrap()
}

pub(super) fn token_request(n: u128, scope: Scope, roles: &[Role]) -> TokenRequest {
    TokenRequest {
        user: user(n),
        scope,
        roles: roles.to_vec(),
        issued_at_unix_s: START_UNIX_S,
        expires_at_unix_s: START_UNIX_S + TOKEN_LIFE_S,
        issuer: None,
        audience: None,
    }
}

/// A body for POST: company and unit by number, the day of 2025 counted from 1 January.
pub(super) fn forecast(company_n: u128, unit_n: u128, day: u32) -> Value {
    let date = Timestamp::from_second(1_735_689_600 + i64::from(day) * 86_400).unwrap();
    json!({
        "companyId": company(company_n), "productionUnitId": unit(unit_n), "forecastDate": date.to_string(),
        "demand": 500.0, "confidence": 0.92,
    })
}

/// `body` with the members of `change`; null removes one.
pub(super) fn with(mut body: Value, change: Value) -> Value {
    let Value::Object(change) = change else { panic!("an object") };
    for (name, value) in change {
        match value {
            Value::Null => body.as_object_mut().unwrap().remove(&name),
            value => body.as_object_mut().unwrap().insert(name, value),
        };
    }
    body
}

pub(super) async fn after(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}
