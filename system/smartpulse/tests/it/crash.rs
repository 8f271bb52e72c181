//! kill -9 in the middle of writes: nothing that was answered is lost, neither the rows nor their events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::SystemClock;
use domain::event::{CacheInvalidation, Event, ForecastUpdated};
use domain::ports::{Bus, Delivery, Outgoing, StartAt, Subscription, SubscriptionKind, Topic};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::running::{Running, until};

const WRITERS: u32 = 6;
/// Each round is killed after so many answers: at the start of the log, in its middle, over a checkpoint.
const KILL_AFTER: [usize; 5] = [1, 40, 150, 15, 300];
const COMPANY: &str = "0b5d0000-0000-4000-8000-00000000c0de";
const LAST: &str = "the last message";

/// Versions that were answered, by forecast, with the demand that each had.
type Versions = BTreeMap<Uuid, BTreeMap<u64, f64>>;

#[derive(Default)]
struct Answered {
    versions: Mutex<Versions>,
    in_round: AtomicUsize,
}

impl Answered {
    fn note(&self, document: &Value) {
        let id = document["id"].as_str().unwrap().parse().unwrap();
        let (version, demand) = (document["versionId"].as_u64().unwrap(), document["demand"].as_f64().unwrap());
        let before = self.versions.lock().unwrap().entry(id).or_default().insert(version, demand);
        assert_eq!(before, None, "{id} got version {version} twice");
        self.in_round.fetch_add(1, Ordering::Relaxed);
    }

    fn versions(&self) -> Versions {
        self.versions.lock().unwrap().clone()
    }

    /// A forecast that other writers change too.
    fn some_id(&self, at: usize) -> Option<Uuid> {
        let versions = self.versions.lock().unwrap();
        versions.keys().nth_back(at % versions.len().clamp(1, 5)).copied()
    }
}

/// One writer's way to the service.
struct Writer {
    client: reqwest::Client,
    api: String,
    token: String,
    round: u32,
    number: u32,
}

impl Writer {
    /// Creates and changes forecasts until the service is gone.
    async fn write(self, answered: Arc<Answered>) {
        for n in 0.. {
            let demand = f64::from(n * WRITERS + self.number) + f64::from(self.round) / 10.0;
            let changed = answered.some_id(n as usize).filter(|_| n % 3 != 0);
            let request = match changed {
                Some(id) => self.client.patch(format!("{}/{id}", self.api)).json(&json!({"demand": demand})),
                None => self.client.post(&self.api).json(&json!({
                    "companyId": COMPANY, "productionUnitId": Uuid::from_u128(u128::from(self.number)),
                    "forecastDate": Timestamp::from_second(i64::from(self.round * 1_000_000 + n)).unwrap().to_string(),
                    "demand": demand, "confidence": 0.5,
                })),
            };
            let Ok(response) = request.bearer_auth(&self.token).send().await else { return };
            let status = response.status().as_u16();
            let Ok(body) = response.json::<Value>().await else { return };
            match status {
                200 | 201 => answered.note(&body),
                // Others kept changing the same forecast; nothing was written.
                409 if body["code"] == "CONFLICT" => {}
                other => panic!("{other}: {body}"),
            }
        }
    }
}

async fn check_rows(running: &Running, versions: &Versions) {
    for (id, answered) in versions {
        let (document, _) = running.get(&format!("/api/forecasts/{id}")).await;
        let (stored, newest) = (document["versionId"].as_u64().unwrap(), answered.last_key_value().unwrap());
        assert!(stored >= *newest.0, "{id} is at {stored}, version {} was answered", newest.0);
        if stored == *newest.0 {
            assert_eq!(document["demand"], *newest.1, "{id} at version {stored}");
        }
    }
}

/// All that a new durable subscriber of the file receives.
async fn received(sqlite: &Sqlite, topic: Topic) -> Vec<Outgoing> {
    let bus = sqlite.bus();
    let (kind, start) = (SubscriptionKind::Exclusive, StartAt::Earliest);
    let subscription = Subscription { topic, name: "after-the-crash".to_owned(), kind, durable: true, start };
    let mut consumer = bus.subscribe(subscription).await.unwrap();
    let payload = Vec::new().into();
    bus.publish(topic, Outgoing { key: LAST.to_owned(), payload, properties: BTreeMap::new() }).await.unwrap();
    let mut received = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(60), consumer.next()).await.expect("the last message");
        let Delivery::Message(message) = next.unwrap() else { continue };
        consumer.ack(message.id).await.unwrap();
        match message.message.key == LAST {
            true => return received,
            false => received.push(message.message),
        }
    }
}

async fn check_events(path: &Path, versions: &Versions) {
    let sqlite = Sqlite::open(SqliteConfig::new(path), Arc::new(SystemClock)).await.unwrap();
    let mut invalidated = BTreeSet::new();
    for message in received(&sqlite, Topic::ForecastInvalidation).await {
        let event = CacheInvalidation::read(&message.payload).unwrap();
        let version = event.version_id.unwrap().0;
        assert!(invalidated.insert((event.entity_id.0, version)), "{} {version} was announced twice", event.entity_id);
    }
    let mut updated = BTreeMap::new();
    for message in received(&sqlite, Topic::ForecastUpdated).await {
        let data = ForecastUpdated::read(&message.payload).unwrap().data;
        let key = (data.forecast_id.0, data.current_version_id.0);
        let demand = data.changes.iter().find(|change| change.field == "demand").unwrap().new_value.as_f64().unwrap();
        assert_eq!(updated.insert(key, demand), None, "{key:?} was announced twice");
    }
    for (id, answered) in versions {
        for (version, demand) in answered {
            assert!(invalidated.contains(&(*id, *version)), "no invalidation of {id} at {version}");
            if *version > 1 {
                assert_eq!(updated.get(&(*id, *version)), Some(demand), "forecast:updated of {id} at {version}");
            }
        }
    }
    sqlite.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_a_kill_is_there_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let answered = Arc::new(Answered::default());
    for (round, kill_after) in (0..).zip(KILL_AFTER) {
        let running = Running::start(dir.path(), &["--empty"]);
        check_rows(&running, &answered.versions()).await;
        answered.in_round.store(0, Ordering::Relaxed);
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (client, api, token) = (running.client(), running.shown("API"), running.token());
                tokio::spawn(Writer { client, api, token, round, number }.write(Arc::clone(&answered)))
            })
            .collect();
        until("answers", || async {
            // A writer ends before its service only by a panic, which is told below.
            answered.in_round.load(Ordering::Relaxed) >= kill_after || writers.iter().any(|writer| writer.is_finished())
        })
        .await;
        running.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(answered.in_round.load(Ordering::Relaxed) >= kill_after);
    }
    let versions = answered.versions();
    assert!(versions.values().any(|answered| answered.len() > 5), "some forecasts were changed often");
    let running = Running::start(dir.path(), &["--empty"]);
    check_rows(&running, &versions).await;
    running.stop();
    check_events(&dir.path().join("data/smartpulse.db"), &versions).await;
}
