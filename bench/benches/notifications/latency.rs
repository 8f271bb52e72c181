//! How long a message takes, through the whole instance: over HTTP to the user's open stream, to a push service that opens
//! and checks what it gets, into the mail queue. All jobs run; the database is durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use adapters::outgoing::tls_of_platform;
use adapters::testing::FakePushService;
use axum::serve::Listener as _;
use bench::figures::{Figure, Sheet, Unit};
use bench::instance::{SECRET, token};
use bench::quantiles::quantile;
use bench::silence::Silence;
use domain::notification::model::{DeliveryStatus, MailAddress, Name, NotificationId, UserEntry};
use domain::ports::{NotificationStore, PushTarget};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use smartpulse::app::{App, Ended};
use smartpulse::config::{Inputs, Override, load};
use smartpulse::serve::{Drain, listen};
use smartpulse::wiring::Embedded;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::world::until;

/// Messages a second in the app, open loop.
const IN_APP_PER_S: u32 = 100;
const IN_APP_MESSAGES: u32 = 1_000;
const PUSHES: usize = 300;
const MAILS: usize = 100;
const WARM_UP: usize = 20;
/// The worker's.
const WINDOW: Duration = Duration::from_millis(100);
/// The user of the benches' token.
const USER: Uuid = Uuid::from_u128(7);

/// When each notification was shown, by its id.
type Shown = Arc<StdMutex<BTreeMap<String, Instant>>>;

/// Two served instances that share the work, render mails and do not send them: what is queued stays so.
struct Served {
    /// Of two instances.
    bases: Vec<String>,
    client: Client,
    token: String,
    store: Arc<dyn NotificationStore>,
    service: FakePushService,
    drain: Drain,
    serving: Mutex<Vec<JoinHandle<Ended>>>,
    _embedded: Embedded,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let (folder, service) = (tempfile::tempdir().unwrap(), FakePushService::start().await.unwrap());
        let origin = service.server.origin();
        let settings = [
            ("data_dir", folder.path().to_str().unwrap()),
            ("auth.secret", SECRET),
            ("sample.load", "false"),
            ("roles", "forecast-api,tracker,sync,relay,monitor,notification-api,notification-worker"),
            ("limits.rate_per_s", "0"),
            ("notifications.sends_per_s", "0"),
            ("push.allowed_private_origins", origin.as_str()),
        ];
        let set = |(key, value): (&str, &str)| Override { flag: "bench".into(), key: key.into(), value: value.into() };
        let flags = settings.into_iter().map(set).collect();
        let config = load(&Inputs { file: None, env: BTreeMap::new(), flags }).unwrap().config;
        let embedded = Embedded::open(&config).await.unwrap();
        let (store, drain) =
            (Arc::clone(&embedded.ports.notifications), Drain::new(Duration::ZERO, Duration::from_secs(10)));
        let key = embedded.ports.channels.vapid.as_ref().map(|vapid| vapid.key.as_ref().to_owned()).unwrap();
        let (mut bases, mut serving) = (Vec::new(), Vec::new());
        for (name, ports) in [("here", embedded.ports.clone()), ("there", embedded.beside())] {
            let app = App::under(&config, ports, name, drain.clone()).await.unwrap();
            let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
            bases.push(format!("http://{}", listener.local_addr().unwrap()));
            serving.push(tokio::spawn(app.serve_all(Silence, Some(listener), Silence)));
        }
        let client = Client::builder().tls_backend_preconfigured(tls_of_platform().unwrap()).no_proxy();
        let client = client.build().unwrap();
        let (token, serving) = (token(), Mutex::new(serving));
        let served =
            Self { bases, client, token, store, service, drain, serving, _embedded: embedded, _folder: folder };
        served.introduce(&key).await;
        served
    }

    /// The user has a mail address and a browser.
    async fn introduce(&self, key: &str) {
        let entry = UserEntry {
            id: domain::model::UserId(USER),
            name: Name::new("John").unwrap(),
            address: Some(MailAddress::new("john@example.com").unwrap()),
        };
        self.store.upsert_directory(vec![entry], Vec::new()).await.unwrap();
        let PushTarget::WebPush(subscription) = self.service.subscribe(key).unwrap() else { panic!("a browser") };
        let device = json!({"integrationType": 0, "subscriptionJson": subscription.to_json()});
        assert_eq!(self.post("/api/devices", &device).await.status(), 201);
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        let request = self.client.post(format!("{}{path}", self.bases[0])).bearer_auth(&self.token);
        request.json(body).send().await.unwrap()
    }

    /// Sends the user a message; answers its id.
    async fn tell(&self, channel: &str) -> String {
        let body = json!({"userId": USER, "title": "Production Alert", "body": "Demand dropped 30%",
            "channels": [channel]});
        let answer = self.post("/api/notifications", &body).await;
        assert_eq!(answer.status(), 202);
        answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// The user's stream at an instance: when each notification was shown there.
    async fn stream(&self, base: &str) -> Shown {
        let request = self.client.get(format!("{base}/api/notifications/stream")).bearer_auth(&self.token);
        let mut answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let shown = Shown::default();
        let seen = Arc::clone(&shown);
        tokio::spawn(async move {
            let mut text = String::new();
            while let Ok(Some(chunk)) = answer.chunk().await {
                let now = Instant::now();
                text.push_str(&String::from_utf8_lossy(&chunk));
                while let Some((line, rest)) = text.split_once('\n') {
                    let data = line.strip_prefix("data:").and_then(|data| serde_json::from_str::<Value>(data).ok());
                    if let Some(id) = data.as_ref().and_then(|data| data.get("id")?.as_str()) {
                        seen.lock().unwrap().entry(id.to_owned()).or_insert(now);
                    }
                    text = rest.to_owned();
                }
            }
        });
        shown
    }

    async fn stop(&self) {
        self.drain.begin();
        for serving in std::mem::take(&mut *self.serving.lock().await) {
            serving.await.unwrap();
        }
    }
}

fn put(sheet: &mut Sheet, name: &str, what: &str, mut latencies: Vec<Duration>, limit: (f64, &str)) {
    let [p50, p99] = [0.5, 0.99].map(|q| quantile(&mut latencies, q).as_secs_f64() * 1e3);
    sheet.put(Figure::new(&format!("{name}_p50"), format!("{what}, p50"), p50, Unit::Ms));
    let p99 = Figure::new(&format!("{name}_p99"), format!("{what}, p99"), p99, Unit::Ms);
    sheet.put(p99.at_most(limit.0, limit.1));
}

/// From the planned time of the request, so that a stall is not hidden by what was not sent meanwhile.
async fn in_app(served: &Arc<Served>, sheet: &mut Sheet) {
    let [here, there] = [served.stream(&served.bases[0]).await, served.stream(&served.bases[1]).await];
    for _ in 0..WARM_UP {
        served.tell("InApp").await;
    }
    let (started, mut sending) = (Instant::now(), tokio::task::JoinSet::new());
    for n in 0..IN_APP_MESSAGES {
        let planned = started + Duration::from_secs(1) * n / IN_APP_PER_S;
        tokio::time::sleep_until(planned).await;
        let served = Arc::clone(served);
        sending.spawn(async move { (served.tell("InApp").await, planned, Instant::now()) });
    }
    let sent = sending.join_all().await;
    let all = sent.len() + WARM_UP;
    until("the streams", async || [&here, &there].iter().all(|shown| shown.lock().unwrap().len() == all)).await;
    let stored = sent.iter().map(|(_, planned, answered)| *answered - *planned).collect();
    let source = "specification 7.1: in-app <= 50 ms";
    put(sheet, "in_app_stored", "in-app: stored and answered", stored, (50.0, source));
    for (name, what, shown) in [("here", "its instance", &here), ("there", "another instance", &there)] {
        let shown = shown.lock().unwrap();
        let latencies = sent.iter().map(|(id, planned, _)| shown[id] - *planned).collect();
        let what = format!("in-app: shown on a stream of {what}");
        put(sheet, &format!("in_app_shown_{name}"), &what, latencies, (50.0, source));
    }
}

/// One push after another, until the answer says that the push service has it.
async fn pushes(served: &Served, sheet: &mut Sheet) {
    let body = json!({"userId": USER, "title": "Production Alert", "body": "Demand dropped 30%"});
    let mut latencies = Vec::new();
    for n in 0..WARM_UP + PUSHES {
        let started = Instant::now();
        let answer = served.post("/api/send-push-notification", &body).await.json::<Value>().await.unwrap();
        assert_eq!((&answer["sent"], &answer["failed"]), (&json!(1), &json!(0)), "{answer}");
        if n >= WARM_UP {
            latencies.push(started.elapsed());
        }
    }
    assert_eq!(served.service.delivered().len(), WARM_UP + PUSHES);
    put(sheet, "push", "one push: sent and answered", latencies, (500.0, "specification 5.1: 100-500 ms"));
}

/// One mail after another, each of which waits for its window; then many at once, in batches.
async fn mails(served: &Arc<Served>, sheet: &mut Sheet) {
    let limit = ((Duration::from_millis(100) + WINDOW).as_secs_f64() * 1e3, "specification 7.1: 100 ms + batch window");
    let queued = async |served: &Served, started: Instant| {
        let id = NotificationId(served.tell("Email").await.parse().unwrap());
        loop {
            let log = served.store.deliveries(id).await.unwrap().unwrap();
            if log.deliveries.iter().all(|one| one.status == DeliveryStatus::Queued) {
                return started.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let mut singly = Vec::new();
    for _ in 0..MAILS {
        singly.push(queued(served, Instant::now()).await);
    }
    put(sheet, "mail_queued", "one mail: its row is in the queue", singly, limit);
    let (started, mut together) = (Instant::now(), tokio::task::JoinSet::new());
    for _ in 0..MAILS {
        let served = Arc::clone(served);
        together.spawn(async move { queued(&served, started).await });
    }
    put(sheet, "mails_queued", "100 mails at once: the rows are in the queue", together.join_all().await, limit);
}

pub(crate) async fn measure(sheet: &mut Sheet) {
    let served = Arc::new(Served::start().await);
    in_app(&served, sheet).await;
    pushes(&served, sheet).await;
    mails(&served, sheet).await;
    served.stop().await;
}
