//! How long a change takes: three instances in one process over SQLite, 2,000 PATCHes on the first, one after another; from
//! the PATCH to the moment at which the tracked document is patched on all three and no list of any shows the old one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::instance::{SECRET, token};
use bench::quantiles::quantile;
use bench::silence::Silence;
use coherence::Timestamp;
use coherence::follower::Followed;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use smartpulse::app::{App, Routes};
use smartpulse::config::{Config, Inputs, Override, load};
use smartpulse::serve::Drain;
use smartpulse::wiring::Embedded;
use tokio::sync::broadcast::Receiver;
use tokio::time::Instant;
use tower::ServiceExt;
use uuid::Uuid;

const INSTANCES: usize = 3;
const FORECASTS: u64 = 64;
const PATCHES: u64 = 2_000;
/// What a change passes, in this order; published is when the first of the two steps begins.
const STATIONS: [&str; 7] = ["committed", "detected", "confirmed", "consumed", "published", "received", "applied"];

struct Node {
    router: Routes,
    heard: Receiver<Followed>,
}

impl Node {
    async fn send(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> (StatusCode, String, Value) {
        let request =
            Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let level = parts.headers.get("x-cache-level").map_or("", |level| level.to_str().unwrap()).to_owned();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, level, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Waits until this version of the forecast is applied; answers when it passed each of [`STATIONS`].
    async fn applied(&mut self, id: &str, version: u64) -> Passed {
        loop {
            match self.heard.recv().await.unwrap() {
                Followed::Change { message, received_at, applied_at }
                    if message.data_key == id && message.version_id.0 == version =>
                {
                    let at = &message.stations;
                    let told = [at.committed_at, at.detected_at, at.confirmed_at, at.consumed_at, at.published_at];
                    let [committed, detected, confirmed, consumed, published] = told.map(Option::unwrap);
                    return [committed, detected, confirmed, consumed, published, received_at, applied_at];
                }
                _ => {}
            }
        }
    }
}

fn config(folder: &str) -> Config {
    let set = |key: &str, value: &str| Override { flag: "bench".into(), key: key.into(), value: value.into() };
    // The monitor would read too.
    let roles = set("roles", "forecast-api,tracker,sync,relay");
    let flags = vec![set("data_dir", folder), set("auth.secret", SECRET), roles];
    load(&Inputs { file: None, env: BTreeMap::new(), flags }).unwrap().config
}

async fn start(config: &Config, embedded: &Embedded, drain: &Drain) -> Vec<Node> {
    let mut nodes = Vec::new();
    for number in 0..INSTANCES {
        let ports = if number == 0 { embedded.ports.clone() } else { embedded.beside() };
        let app = App::under(config, ports, &format!("bench-{number}"), drain.clone()).await.unwrap();
        let (router, service) = (app.router(), app.service().clone());
        let heard = app.status().follower.as_ref().unwrap().listen();
        tokio::spawn(app.serve(Silence, Silence));
        while !service.caches().cache().is_trusted() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        nodes.push(Node { router, heard });
    }
    nodes
}

/// Prints, and answers p50, p99 and the most, in milliseconds.
fn report(what: &str, times: &mut [Duration]) -> [f64; 3] {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| quantile(times, q).as_secs_f64() * 1e3);
    println!("{what:<52} p50 {p50:>7.2} ms   p99 {p99:>7.2} ms   max {max:>7.2} ms");
    [p50, p99, max]
}

/// When a change passed each of [`STATIONS`].
type Passed = [Timestamp; STATIONS.len()];

/// What was seen of the PATCHes.
struct Seen {
    writes: Vec<Duration>,
    everywhere: Vec<Duration>,
    /// Of each change on each instance.
    stations: Vec<Passed>,
}

async fn measure(nodes: &mut [Node], patches: u64) -> Seen {
    let token = token();
    let mut ids = Vec::new();
    for n in 0..FORECASTS {
        let body = json!({
            "companyId": Uuid::from_u128(1), "productionUnitId": Uuid::from_u128(u128::from(n) + 2),
            "forecastDate": "2025-11-13T00:00:00Z", "demand": 450.5, "confidence": 0.95,
        });
        let (status, _, created) = nodes[0].send(&token, "POST", "/api/forecasts", Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let id = created["id"].as_str().unwrap().to_owned();
        for node in &mut *nodes {
            node.applied(&id, 1).await;
            // Now it is tracked.
            node.send(&token, "GET", &format!("/api/forecasts/{id}"), None).await;
        }
        ids.push(id);
    }
    let (mut writes, mut everywhere, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    let mut patched = 0_u64;
    for n in 0..patches {
        let id = &ids[(n % FORECASTS) as usize];
        let (path, unit) = (format!("/api/forecasts/{id}"), Uuid::from_u128(u128::from(n % FORECASTS) + 2));
        let list = format!("/api/forecasts?productionUnitId={unit}");
        for node in &*nodes {
            node.send(&token, "GET", &list, None).await;
        }
        let demand = 500.0 + n as f64 / 8.0;
        let sent = Instant::now();
        let (status, _, answer) = nodes[0].send(&token, "PATCH", &path, Some(json!({"demand": demand}))).await;
        writes.push(sent.elapsed());
        assert_eq!(status, StatusCode::OK, "{answer}");
        let version = answer["versionId"].as_u64().unwrap();
        for node in &mut *nodes {
            seen.push(node.applied(id, version).await);
        }
        everywhere.push(sent.elapsed());
        for node in &*nodes {
            let (_, level, document) = node.send(&token, "GET", &path, None).await;
            assert_eq!(document, answer, "the document is the new one");
            patched += u64::from(level == "L2");
            let (_, level, page) = node.send(&token, "GET", &list, None).await;
            assert_eq!((level.as_str(), &page["items"][0]), ("L4", &answer), "no list shows the old one");
        }
    }
    println!(
        "{patched} of {} reads that followed were answered by the patched document (L2)",
        patches * INSTANCES as u64
    );
    Seen { writes, everywhere, stations: seen }
}

/// What the specification (section 6.1) gives each part of the way, in milliseconds at most: between which stations.
const BUDGET: [(&str, &str, usize, usize, f64); 5] = [
    ("detection", "CDC detection: committed to detected", 0, 1, 500.0),
    ("polling_to_bus", "polling to the bus: detected to confirmed", 1, 2, 300.0),
    ("bus", "the bus: confirmed to consumed", 2, 3, 100.0),
    ("pub_sub", "Pub/Sub: consumed to received", 3, 5, 50.0),
    ("processing", "instance processing: received to applied", 5, 6, 50.0),
];

fn tell(mut seen: Seen, sheet: &mut Sheet) {
    report("PATCH", &mut seen.writes);
    let between = |from: usize, to: usize| -> Vec<Duration> {
        let took = |at: &Passed| Duration::try_from(at[to].duration_since(at[from])).unwrap_or_default();
        seen.stations.iter().map(took).collect()
    };
    let [p50, p99, max] = report("PATCH sent -> applied on all three", &mut seen.everywhere);
    let ms = |name: &str, what: &str, value| Figure::new(name, what, value, Unit::Ms);
    sheet.put(ms("everywhere_p50", "PATCH sent to applied on all three, p50", p50).at_most(2.0, "goal: 2 ms"));
    sheet.put(ms("everywhere_p99", "the same, p99", p99).at_most(1_000.0, "specification 6.1: 1-5 s"));
    sheet.put(ms("everywhere_max", "the same, the most", max).at_most(5_000.0, "C3: 5 s"));
    report("committed -> applied, each instance", &mut between(0, STATIONS.len() - 1));
    for to in 1..STATIONS.len() {
        report(&format!("  {} -> {}", STATIONS[to - 1], STATIONS[to]), &mut between(to - 1, to));
    }
    for (name, what, from, to, most) in BUDGET {
        let p99 = quantile(&mut between(from, to), 0.99).as_secs_f64() * 1e3;
        sheet.put(ms(&format!("{name}_p99"), &format!("{what}, p99"), p99).at_most(most, "specification 6.1"));
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path().to_str().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut sheet = Sheet::new("propagation", "from a PATCH on one of three instances over SQLite to all of them");
    runtime.block_on(async {
        let embedded = Embedded::open(&config).await.unwrap();
        let drain = Drain::new(Duration::ZERO, Duration::from_secs(5));
        let mut nodes = start(&config, &embedded, &drain).await;
        let seen = measure(&mut nodes, if is_measuring() { PATCHES } else { 10 }).await;
        tell(seen, &mut sheet);
    });
    sheet.finish();
}
