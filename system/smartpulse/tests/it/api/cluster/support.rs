//! Running instances over one store, bus, shared tier and backplane.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::forecast::{ForecastService, Role};
use domain::model::Scope;
use serde_json::Value;
use smartpulse::app::{App, Ended, Ports, Routes};
use smartpulse::auth::sign_hs256;
use smartpulse::http::forecasts::JsonViews;
use smartpulse::serve::Drain;
use smartpulse::wiring::Embedded;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::super::client::{Ask, Reply};
use super::super::health::Silence;
use super::super::support::{On, SECRET, config, token_request};

/// Longer than anything here takes on a busy machine.
const HANGS: Duration = Duration::from_secs(30);

/// The jobs that carry changes; the monitor would warm caches of which tests ask what they hold.
pub(super) const ALL: &str = "forecast-api,tracker,sync,relay";

/// One instance.
pub(super) struct Node {
    pub(super) router: Routes,
    pub(super) internal: Routes,
    pub(super) service: ForecastService<JsonViews>,
    serving: JoinHandle<Ended>,
}

/// Running instances. Dropping it ends them.
pub(super) struct Cluster {
    pub(super) nodes: Vec<Node>,
    pub(super) drain: Drain,
    pub(super) ports: Ports,
    _dir: Option<Arc<TempDir>>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter().for_each(|node| node.serving.abort());
    }
}

impl Cluster {
    /// Three instances that do all, once they trust their caches.
    pub(super) async fn on(on: On) -> Self {
        Self::of(on, &[ALL; 3], &[]).await
    }

    /// An instance with each of these roles.
    pub(super) async fn of(on: On, roles: &[&str], settings: &[(&str, &str)]) -> Self {
        let dir = (on == On::Sqlite).then(|| Arc::new(TempDir::new().unwrap()));
        let kind = match &dir {
            None => ("store.kind", "memory"),
            Some(dir) => ("data_dir", dir.path().to_str().unwrap()),
        };
        let given = |roles| [&[("cache.freshness", "end_to_end"), ("roles", roles), kind], settings].concat();
        let embedded = Embedded::open(&config(&given(ALL))).await.unwrap();
        let drain = Drain::new(Duration::ZERO, Duration::from_secs(5));
        let mut nodes = Vec::new();
        for (number, roles) in roles.iter().enumerate() {
            let config = config(&given(roles));
            let ports = if number == 0 { embedded.ports.clone() } else { embedded.beside() };
            let app = App::under(&config, ports, &format!("node-{number}"), drain.clone()).await.unwrap();
            let (router, internal, service) = (app.router(), app.internal_router(), app.service().clone());
            nodes.push(Node { router, internal, service, serving: tokio::spawn(app.serve(Silence, Silence)) });
        }
        let cluster = Self { nodes, drain, ports: embedded.ports, _dir: dir };
        for (node, roles) in cluster.nodes.iter().zip(roles) {
            let started = async || {
                let report = node.ready().await;
                report["status"] != "starting" && (!roles.contains("forecast-api") || report["feed"]["trusted"] == true)
            };
            until("the start", started).await;
        }
        cluster
    }
}

impl Node {
    pub(super) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        Ask::new(&self.router, None, method, path)
    }

    pub(super) fn inside(&self, method: &str, path: &str) -> Ask<'_> {
        Ask::new(&self.internal, None, method, path)
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> Reply {
        self.ask("GET", path).by(token).send().await
    }

    pub(super) async fn create(&self, token: &str, body: &Value) -> String {
        let reply = self.ask("POST", "/api/forecasts").by(token).json(body).send().await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.header("location").unwrap().to_owned()
    }

    /// Sets the demand; answers the `X-Version`.
    pub(super) async fn patch(&self, token: &str, path: &str, demand: f64) -> String {
        let body = serde_json::json!({"demand": demand});
        let reply = self.ask("PATCH", path).by(token).json(&body).send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.header("x-version").unwrap().to_owned()
    }

    pub(super) async fn ready(&self) -> Value {
        self.ask("GET", "/health/ready").send().await.json()
    }

    /// Ends it as a crash does.
    pub(super) fn crash(&self) {
        self.serving.abort();
    }
}

/// A token of an operator.
pub(super) fn admin() -> String {
    sign_hs256(SECRET.as_bytes(), &token_request(98, Scope::All, &[Role::Admin])).unwrap()
}

/// Waits until `ready` says so.
pub(super) async fn until(what: &str, ready: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !ready().await {
        assert!(since.elapsed() < HANGS, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
