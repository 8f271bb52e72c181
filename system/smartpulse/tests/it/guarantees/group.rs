//! Three instances of one process over one SQLite file; what each receives from the stream a test can lose.

use std::sync::Arc;
use std::time::Duration;

use coherence::testing::LossyBackplane;
use coherence::{Answer, FollowerStatus, Level, ReadError, Version};
use domain::forecast::{Answered, Caller, ForecastService, Role};
use domain::model::{CreateForecast, Forecast, ForecastId, ListParams, PatchForecast, Scope, UserId};
use domain::ports::{Lookup, Store};
use serde_json::{Value, json};
use smartpulse::app::{App, Ended, PipelineStatus};
use smartpulse::config::{Inputs, Override, load};
use smartpulse::http::forecasts::{JsonViews, View};
use smartpulse::serve::{Drain, listen};
use smartpulse::wiring::Embedded;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

pub(super) struct Node {
    pub(super) service: ForecastService<JsonViews>,
    pub(super) status: PipelineStatus,
    pub(super) lossy: LossyBackplane,
    running: JoinHandle<Ended>,
}

pub(super) struct Group {
    pub(super) nodes: Vec<Node>,
    pub(super) store: Arc<dyn Store>,
    drain: Drain,
    embedded: Embedded,
    dir: TempDir,
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn caller() -> Caller {
    Caller {
        user: UserId(Uuid::from_u128(1)),
        scope: Scope::All,
        roles: Role::ALL.into_iter().collect(),
        traceparent: None,
    }
}

impl Group {
    /// Three instances, once all of them hold a lease.
    pub(super) async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let settings = [
            ("data_dir", dir.path().to_str().unwrap()),
            ("auth.secret", "0123456789abcdef0123456789abcdef"),
            ("sample.load", "false"),
            ("http.listen", "127.0.0.1:0"),
            ("internal.listen", "127.0.0.1:0"),
        ];
        let flags = settings.map(|(key, value)| Override {
            flag: "--set".to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
        });
        let config = load(&Inputs { flags: flags.into(), ..Inputs::default() }).unwrap().config;
        let embedded = Embedded::open(&config).await.unwrap();
        let drain = Drain::new(Duration::ZERO, ms(2_000));
        let mut nodes = Vec::new();
        for number in 0..3 {
            let mut ports = if number == 0 { embedded.ports.clone() } else { embedded.beside() };
            let lossy = LossyBackplane::new(Arc::clone(&ports.backplane));
            ports.backplane = Arc::new(lossy.clone());
            let app = App::under(&config, ports, &format!("node-{number}"), drain.clone()).await.unwrap();
            let (service, status) = (app.service().clone(), app.status().clone());
            let (api, internal) =
                (listen(config.http.listen).await.unwrap(), listen(config.internal.listen).await.unwrap());
            nodes.push(Node { service, status, lossy, running: tokio::spawn(app.serve(api, internal)) });
        }
        let store = Arc::clone(&embedded.ports.store);
        let group = Self { nodes, store, drain, embedded, dir };
        group.until("all hold a lease", ms(10_000), || group.nodes.iter().all(Node::is_trusted)).await;
        group
    }

    /// Waits until `is_so`, looking every 2 ms; answers how long it took.
    pub(super) async fn until(&self, what: &str, at_most: Duration, is_so: impl Fn() -> bool) -> Duration {
        let begun = Instant::now();
        while !is_so() {
            let states: Vec<_> = self.nodes.iter().map(Node::follower).collect();
            assert!(begun.elapsed() < at_most, "not within {at_most:?}: {what}\n{states:#?}");
            tokio::time::sleep(ms(2)).await;
        }
        begun.elapsed()
    }

    /// A connection as a database administrator has it.
    pub(super) async fn bare(&self) -> SqliteConnection {
        let file = self.dir.path().join("smartpulse.db");
        SqliteConnectOptions::new().filename(file).busy_timeout(ms(5_000)).connect().await.unwrap()
    }

    pub(super) async fn version(&self, id: ForecastId) -> Version {
        self.store.get(id).await.unwrap().version()
    }

    /// What every instance answers, from whatever tier, is what the store holds (C7).
    pub(super) async fn assert_converged(&self, ids: &[ForecastId]) {
        for id in ids {
            let stored = match self.store.get(*id).await.unwrap() {
                Lookup::Found { forecast, .. } => Some(forecast.demand),
                Lookup::Absent { .. } => None,
            };
            for (number, node) in self.nodes.iter().enumerate() {
                let (version, demand, level) = node.read(*id).await;
                assert_eq!((version, demand), (self.version(*id).await, stored), "node {number} from {level:?}");
            }
        }
    }

    pub(super) async fn close(self) {
        self.drain.begin();
        for node in self.nodes {
            let ended = node.running.await.unwrap();
            assert!(ended.jobs.is_success(), "{ended:?}");
        }
        self.embedded.close().await.unwrap();
    }
}

impl Node {
    pub(super) fn is_trusted(&self) -> bool {
        self.service.caches().cache().is_trusted()
    }

    pub(super) fn follower(&self) -> FollowerStatus {
        self.status.follower.as_ref().unwrap().status()
    }

    pub(super) async fn get(&self, id: ForecastId, least: Option<Version>) -> Result<Answer<View>, ReadError> {
        self.service.caches().get(id, least).await
    }

    /// Version, demand (`None`: absent) and tier of an answer.
    pub(super) async fn read(&self, id: ForecastId) -> (Version, Option<f64>, Level) {
        let answer = self.get(id, None).await.unwrap();
        let demand = match &answer.view {
            View::Present(forecast) => {
                let body: Value = serde_json::from_slice(&forecast.ready.body).unwrap();
                assert_eq!(body["versionId"], answer.version.id.0, "version and value are of one read");
                Some(body["demand"].as_f64().unwrap())
            }
            View::Absent => None,
        };
        (answer.version, demand, answer.level)
    }

    /// The demands in a list, newest date first.
    pub(super) async fn list(&self, query: &[(&str, &str)]) -> Vec<f64> {
        let params = ListParams::from_query(query.iter().copied()).unwrap();
        let answer = self.service.list(&caller(), &params).await.unwrap();
        let body: Value = serde_json::from_slice(&answer.view.body).unwrap();
        body["items"].as_array().unwrap().iter().map(|item| item["demand"].as_f64().unwrap()).collect()
    }

    pub(super) async fn create(&self, n: u32, unit: u128) -> Forecast {
        let body = json!({
            "companyId": Uuid::from_u128(7), "productionUnitId": Uuid::from_u128(unit), "demand": 0.0, "confidence": 0.5,
            "forecastDate": format!("2025-01-{:02}T{:02}:00:00Z", 1 + n / 24, n % 24),
        });
        let request = CreateForecast::from_json(body.to_string().as_bytes()).unwrap();
        match self.service.create(&caller(), request, None).await.unwrap() {
            Answered::Now(saved) => saved.forecast,
            Answered::Before(_) => panic!("nothing was named"),
        }
    }

    pub(super) async fn patch(&self, id: ForecastId, demand: f64) -> Version {
        let patch = PatchForecast::from_json(json!({ "demand": demand }).to_string().as_bytes()).unwrap();
        self.service.patch(&caller(), id, patch, None).await.unwrap().version
    }
}
