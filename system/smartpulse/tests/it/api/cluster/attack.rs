//! Found by attack: each of these is wrong today.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    Bus, BusError, BusMessage, ChangeFeed, Consumer, FeedBatch, FeedError, FeedPosition, MessageId, Outgoing,
    Subscription, Topic,
};
use serde_json::{Value, json};
use smartpulse::app::App;
use tokio::sync::Semaphore;

use super::super::client::Ask;
use super::super::health::Silence;
use super::super::support::{On, TestApp, config, forecast, root, writer};
use super::events::Events;
use super::support::{ALL, Cluster, admin, until};
use super::trace::Log;

/// An instance that has had no head yet (a second process on the file, `--roles forecast-api`) cannot tell a listener
/// anything. Either it refuses (503), or it says so (`reset`): "a stream never skips silently". Instead it answers 200 and
/// nothing ever follows but heartbeats.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_a_feed_is_not_silent() {
    let base = TestApp::memory().await;
    let config = config(&[("store.kind", "memory"), ("roles", "forecast-api"), ("cache.freshness", "end_to_end")]);
    let app = App::new(&config, base.ports.clone(), "test-5").await.unwrap();
    let router = app.router();
    let _serving = AbortOnDrop(tokio::spawn(app.serve(Silence, Silence)));
    let token = writer(1, &[1]);
    let mut stream = Events::by(&router, &token).await;
    if stream.status == 503 {
        return;
    }
    let created = Ask::new(&router, None, "POST", "/api/forecasts").by(&token).json(&forecast(1, 1, 1)).send().await;
    assert_eq!(created.status, 201, "{created:?}");
    let told = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    assert!(told.is_ok(), "committed, shown by this instance's reads, and its listener hears nothing at all");
}

struct AbortOnDrop(tokio::task::JoinHandle<smartpulse::app::Ended>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One that has lost its heads says so to those who listen at that moment (`a_silent_feed_ends_trust_...`), and to nobody
/// who comes later, or goes on with a `Last-Event-ID`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_begins_in_suspicion_is_not_silent() {
    let cluster = Cluster::of(On::Memory, &["forecast-api", "tracker,sync"], &[]).await;
    let (node, token) = (&cluster.nodes[0], writer(1, &[1]));
    let path = node.create(&token, &forecast(1, 1, 1)).await;
    until("the change", async || node.ready().await["feed"]["position"].as_str().unwrap().ends_with("-1")).await;
    cluster.nodes[1].crash();
    until("suspicion", async || node.ready().await["degraded"] == json!(["feed"])).await;
    // Whatever follows at once from the end of trust.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let mut stream = Events::by(&node.router, &token).await;
    if stream.status == 503 {
        return;
    }
    node.patch(&token, &path, 3.25).await;
    let told = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    assert!(told.is_ok(), "committed, shown by this instance's reads, and its listener hears nothing at all");
    println!("{told:?}");
}

/// `Last-Event-ID` after everything that was ever published in the epoch: "what is out of reach gives `reset`". Instead the
/// stream takes the client at its word and swallows every change up to there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_ahead_of_the_stream_is_out_of_reach() {
    let cluster = Cluster::of(On::Memory, &[ALL], &[]).await;
    let (node, token) = (&cluster.nodes[0], writer(1, &[1]));
    let path = node.create(&token, &forecast(1, 1, 1)).await;
    let position = async || node.ready().await["feed"]["position"].as_str().unwrap_or_default().to_owned();
    until("the change", async || position().await.ends_with("-1")).await;
    let epoch = position().await.split_once('-').unwrap().0.to_owned();
    for ahead in ["1000", "18446744073709551615"] {
        let mut stream = Events::after(&node.router, &token, &format!("{epoch}-{ahead}")).await;
        node.patch(&token, &path, ahead.len() as f64).await;
        let told = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
        assert!(told.is_ok(), "after {ahead} nothing is told, ever");
    }
}

/// What a client missed is read as it takes it. Today all of it (up to 5,500 documents) is read, serialised and held in
/// memory before the first byte is sent, for each stream: a crowd that comes back costs gigabytes, and `HEAD` the same work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_is_not_held_for_a_client_that_does_not_read() {
    const CHANGES: usize = 4_000;
    let cluster = Cluster::of(On::Memory, &[ALL], &[]).await;
    let node = &cluster.nodes[0];
    let position = async || node.ready().await["feed"]["position"].as_str().unwrap_or_default().to_owned();
    let begin = position().await;
    for chunk in 0..CHANGES / 1_000 {
        let items: Vec<Value> = (0..1_000).map(|n| forecast(1, chunk as u128 + 1, n)).collect();
        let reply = node.ask("POST", "/api/forecasts/batch").by(&root()).json(&json!({"items": items})).send().await;
        assert!(reply.status.is_success(), "{reply:?}");
    }
    until("the changes", async || position().await.ends_with(&format!("-{CHANGES}"))).await;
    let replays = async || {
        let page = node.inside("GET", "/metrics").send().await.text();
        let name = "smartpulse_backend_call_duration_seconds_count{port=\"backplane\",method=\"replay\"} ";
        page.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok()).unwrap_or_default()
    };
    let before = replays().await;
    let stream = Events::after(&node.router, &root(), &begin).await;
    assert_eq!(stream.status, 200);
    let read = replays().await - before;
    assert!(read <= 2.0, "{read} pages of 500 are read and held, and nobody has read a byte");
}

/// A bus that is slow to answer, after it has published.
struct SlowBus {
    inner: Arc<dyn Bus>,
    published: Semaphore,
}

#[async_trait]
impl Bus for SlowBus {
    async fn publish(&self, topic: Topic, message: Outgoing) -> Result<MessageId, BusError> {
        let id = self.inner.publish(topic, message).await;
        self.published.add_permits(1);
        tokio::time::sleep(Duration::from_millis(50)).await;
        id
    }

    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError> {
        self.inner.last(topic).await
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        self.inner.subscribe(subscription).await
    }

    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        self.inner.unsubscribe(topic, name).await
    }
}

/// "each of them is audited, whatever comes of it": an operator who hangs up has evicted everything, and no record says so.
#[tokio::test]
async fn an_order_is_recorded_though_the_operator_hangs_up() {
    let (log, _guard) = Log::install("info");
    let base = TestApp::memory().await;
    let bus = Arc::new(SlowBus { inner: Arc::clone(base.bus()), published: Semaphore::new(0) });
    let mut ports = base.ports.clone();
    ports.bus = Arc::clone(&bus) as _;
    let app = App::new(&base.config, ports, "test-3").await.unwrap();
    let internal = app.internal_router();
    let token = admin();
    {
        let order = Ask::new(&internal, None, "POST", "/admin/evict").by(&token).json(&json!({"all": true})).send();
        let mut order = pin!(order);
        tokio::select! {
            _ = &mut order => panic!("the bus is slower"),
            permit = bus.published.acquire() => permit.unwrap().forget(),
        }
        // Here the client's connection breaks: the server drops what it did for it.
    }
    assert!(base.bus().last(Topic::ForecastInvalidation).await.unwrap().is_some(), "the order is carried out");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(log.text().contains("an operator's order"), "and nobody knows who gave it");
}

/// A feed that cannot be reached.
struct NoFeed;

#[async_trait]
impl ChangeFeed for NoFeed {
    async fn read(&self, _: FeedPosition, _: u32) -> Result<FeedBatch, FeedError> {
        Err(FeedError::Unavailable(None))
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        Err(FeedError::Unavailable(None))
    }
}

/// "trouble with Redis, Pulsar or the feed is 200 with `degraded: [...]`". An instance that only tracks has no follower, and
/// no other sign of its feed is looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_whose_feed_fails_is_degraded() {
    let base = TestApp::memory().await;
    let mut ports = base.ports.clone();
    ports.feed = Arc::new(NoFeed);
    let config = config(&[("store.kind", "memory"), ("roles", "tracker,sync"), ("cache.freshness", "end_to_end")]);
    let app = App::new(&config, ports, "test-4").await.unwrap();
    let (router, status) = (app.router(), app.status().clone());
    let serving = tokio::spawn(app.serve(Silence, Silence));
    until("errors", async || status.tracker.as_ref().unwrap().read().errors >= 3).await;
    let report = Ask::new(&router, None, "GET", "/health/ready").send().await.json();
    serving.abort();
    assert_eq!(report["degraded"], json!(["feed"]), "{report}");
}

/// An event that the relay gives up is counted in its status and shown nowhere: neither in the metrics nor to an operator.
/// Nor is it visible that the relay is stuck.
#[tokio::test]
async fn what_the_relay_gives_up_is_visible() {
    let app = TestApp::with(On::Sqlite, &[("bus.kind", "memory")]).await;
    let shown = Ask::new(&app.internal, None, "GET", "/admin/coherence").by(&admin()).send().await.json();
    assert!(shown["relay"]["parked"].is_number(), "{}", shown["relay"]);
    let page = app.inside("/metrics").await.text();
    for name in ["smartpulse_relay_parked_total ", "smartpulse_relay_errors_total "] {
        assert!(page.lines().any(|line| line.starts_with(name)), "no {name}");
    }
}
