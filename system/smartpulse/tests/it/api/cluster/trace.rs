//! One PATCH is one trace, from the request to the caches of every instance; and every order leaves a record. Both are in
//! the log. One thread each, so that the log is this test's alone.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use smartpulse::config::{LogConfig, LogFormat};
use smartpulse::telemetry::logs::subscriber;
use tracing::subscriber::DefaultGuard;

use super::super::support::{On, forecast, user, writer};
use super::support::{ALL, Cluster, admin, until};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn install(level: &str) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let config = LogConfig { format: LogFormat::Json, level: level.to_owned(), requests: false };
        let subscriber = subscriber(&config, move || writer.clone(), false).unwrap();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn the_trace_of_a_patch_is_in_the_log_of_every_instance() {
    let (log, _guard) = Log::install("warn,coherence=debug,smartpulse=debug,domain=debug");
    let cluster = Cluster::of(On::Memory, &[ALL; 3], &[]).await;
    let token = writer(1, &[1]);
    let path = cluster.nodes[0].create(&token, &forecast(1, 1, 1)).await;
    let body = json!({"demand": 4.5});
    let patch = cluster.nodes[0].ask("PATCH", &path).by(&token).with("traceparent", TRACE).json(&body).send().await;
    assert_eq!(patch.status, 200);
    let of_trace = |message: &str| {
        let is_it = |line: &&Value| line["traceparent"] == TRACE && line["message"] == message;
        log.lines().iter().filter(is_it).count()
    };
    until("three lines", async || of_trace("change applied") == 3).await;
    assert_eq!(of_trace("a forecast is changed"), 1, "{}", log.text());
}

#[tokio::test]
async fn every_order_is_recorded_and_no_secret_is() {
    let (log, _guard) = Log::install("info");
    let cluster = Cluster::of(On::Memory, &[ALL], &[("log.requests", "true")]).await;
    let node = &cluster.nodes[0];
    let post =
        async |path: &str, token: &str, body: Value| node.inside("POST", path).by(token).json(&body).send().await;
    post("/admin/evict", &admin(), json!({"all": true})).await;
    post("/admin/evict", &admin(), json!({"key": "nonsense"})).await;
    post("/admin/resync", &admin(), json!({})).await;
    post("/admin/resync", &writer(1, &[1]), json!({})).await.problem(403, "FORBIDDEN");
    let records: Vec<Value> = log.lines().into_iter().filter(|line| line["target"] == "audit").collect();
    let told = |line: &Value| ["action", "argument", "outcome"].map(|name| line[name].as_str().unwrap().to_owned());
    let expected = [
        ["evict", "{\"all\":true}", "done"],
        ["evict", "{\"key\":\"nonsense\"}", "VALIDATION_FAILED"],
        ["resync", "forecast", "done"],
        ["POST", "/admin/resync", "FORBIDDEN"],
    ];
    assert_eq!(records.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!((&records[0]["subject"], &records[3]["subject"]), (&json!(user(98)), &json!(user(1))));

    let ticket = node.ask("POST", "/api/stream-ticket").by(&writer(1, &[1])).send().await.json()["ticket"].clone();
    let path = format!("/api/forecasts/changes?ticket={}", ticket.as_str().unwrap());
    drop(super::events::Events::open(&node.router, &path, &[]).await);
    let text = log.text();
    assert!(
        text.contains("/api/forecasts/changes") && !text.contains(ticket.as_str().unwrap()),
        "a ticket is never logged"
    );
    assert!(!text.contains(&admin()));
}
