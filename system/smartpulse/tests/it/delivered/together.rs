//! Two instances of one process share the work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adapters::testing::FakePushService;
use axum::serve::Listener as _;
use domain::forecast::Role;
use domain::model::Scope;
use domain::ports::{Backlog, NotificationStore};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use smartpulse::app::{App, Ended, NotificationStatus};
use smartpulse::auth::{TokenRequest, https_client, sign_hs256};
use smartpulse::config::{Config, Inputs, Override, load};
use smartpulse::import::{read_directory, store_directory};
use smartpulse::serve::{Drain, listen};
use smartpulse::wiring::Embedded;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::outbox::{USER, browser, count_tags, forecast, mails};
use crate::running::until;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const FORECASTS: u32 = 30;

struct Node {
    api: String,
    notifications: String,
    internal: String,
    status: NotificationStatus,
    serving: JoinHandle<Ended>,
}

/// Two instances with all roles, and one user with a browser and a mail address.
struct World {
    nodes: Vec<Node>,
    service: FakePushService,
    store: Arc<dyn NotificationStore>,
    drain: Drain,
    token: String,
    client: Client,
    dir: TempDir,
}

fn token() -> String {
    let request = TokenRequest {
        user: USER.parse().unwrap(),
        scope: Scope::All,
        roles: Role::ALL.to_vec(),
        issued_at_unix_s: jiff::Timestamp::now().as_second(),
        expires_at_unix_s: jiff::Timestamp::now().as_second() + 3_600,
        issuer: None,
        audience: None,
    };
    sign_hs256(SECRET.as_bytes(), &request).unwrap()
}

fn config(dir: &TempDir, origin: &str) -> Config {
    let settings = [
        ("data_dir", dir.path().to_str().unwrap()),
        ("auth.secret", SECRET),
        ("sample.load", "false"),
        ("push.allowed_private_origins", origin),
        ("alerts.address", "ops@example.com"),
    ];
    let flags = settings.map(|(key, value)| Override {
        flag: "--set".to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
    });
    load(&Inputs { flags: flags.into(), ..Inputs::default() }).unwrap().config
}

impl World {
    async fn start() -> Self {
        let (dir, service) = (TempDir::new().unwrap(), FakePushService::start().await.unwrap());
        let config = config(&dir, &service.server.origin());
        let embedded = Embedded::open(&config).await.unwrap();
        let table = format!("type,id,name,email\nuser,{USER},Anna Berg,anna@example.com\n");
        let (store, drain) =
            (Arc::clone(&embedded.ports.notifications), Drain::new(Duration::ZERO, Duration::from_secs(20)));
        store_directory(&read_directory(table.as_bytes()).unwrap(), &*store).await.unwrap();
        let mut nodes = Vec::new();
        let mut key = None;
        for number in 0..2 {
            let ports = if number == 0 { embedded.ports.clone() } else { embedded.beside() };
            let app = App::under(&config, ports, &format!("node-{number}"), drain.clone()).await.unwrap();
            let mut at = Vec::new();
            for _ in 0..3 {
                at.push(listen("127.0.0.1:0".parse().unwrap()).await.unwrap());
            }
            let [api, notifications, internal] = [0, 1, 2].map(|n| format!("http://{}", at[n].local_addr().unwrap()));
            key = app.notifications().vapid.as_ref().map(|vapid| vapid.key.as_ref().to_owned());
            let status = app.notification_status().clone();
            let mut at = at.into_iter();
            let mut next = || at.next().unwrap();
            let serving = tokio::spawn(app.serve_all(next(), Some(next()), next()));
            nodes.push(Node { api, notifications, internal, status, serving });
        }
        let (token, client) = (token(), https_client().unwrap());
        let world = Self { nodes, service, store, drain, token, client, dir };
        let device = browser(&world.service, &key.unwrap());
        let path = format!("{}/api/devices", world.nodes[1].notifications);
        assert_eq!(world.send(Method::POST, &path, Some(&device)).await.status(), 201);
        world
    }

    async fn send(&self, method: Method, url: &str, body: Option<&Value>) -> Response {
        let request = self.client.request(method, url).bearer_auth(&self.token);
        match body {
            Some(body) => request.json(body).send().await.unwrap(),
            None => request.send().await.unwrap(),
        }
    }

    async fn get(&self, url: &str) -> Value {
        self.send(Method::GET, url, None).await.json().await.unwrap()
    }

    fn sum(&self, count: fn(&NotificationStatus) -> u64) -> u64 {
        self.nodes.iter().map(|node| count(&node.status)).sum()
    }

    async fn stop(self) -> TempDir {
        self.drain.begin();
        for node in self.nodes {
            let ended = node.serving.await.unwrap();
            assert!(ended.jobs.is_success() && ended.jobs.aborted.is_empty(), "{:?}", ended.jobs);
        }
        self.dir
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_tell_each_completed_forecast_once_on_every_channel() {
    let world = World::start().await;
    for day in 0..FORECASTS {
        let node = &world.nodes[day as usize % 2];
        let created = world.send(Method::POST, &format!("{}/api/forecasts", node.api), Some(&forecast(day))).await;
        assert_eq!(created.status(), 201, "{}", created.text().await.unwrap());
    }
    let told = |status: &NotificationStatus| status.consumer.as_ref().unwrap().read().notifications;
    until("the events", || async { world.sum(told) >= u64::from(FORECASTS) }).await;
    until("the channels", || async {
        let Backlog { pushes, mail_intents, mails, .. } = world.store.backlog().await.unwrap();
        pushes + mail_intents + mails == 0
    })
    .await;
    for node in &world.nodes {
        let inbox = world.get(&format!("{}/api/notifications?take=100", node.notifications)).await;
        assert_eq!(inbox["total"], FORECASTS, "{inbox}");
        assert_eq!(inbox["items"].as_array().unwrap().len(), FORECASTS as usize);
    }
    let inbox = world.get(&format!("{}/api/notifications", world.nodes[0].notifications)).await;
    let id = inbox["items"][0]["id"].as_str().unwrap();
    let log = world.get(&format!("{}/api/notifications/{id}/deliveries", world.nodes[1].notifications)).await;
    let statuses: Vec<_> = log["items"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [json!("sent"), json!("sent"), json!("sent")], "{log}");

    let ready = world.get(&format!("{}/health/ready", world.nodes[0].notifications)).await;
    assert_eq!((&ready["status"], &ready["sinks"]), (&json!("ready"), &json!(true)), "{ready}");
    let mut sent = 0;
    for node in &world.nodes {
        let page = world.send(Method::GET, &format!("{}/metrics", node.internal), None).await.text().await.unwrap();
        let line = "smartpulse_notification_deliveries_total{channel=\"push\",provider=\"webpush\",status=\"sent\"} ";
        let count = page.lines().find_map(|found| found.strip_prefix(line)).unwrap_or("0");
        sent += count.parse::<u32>().unwrap();
    }
    assert_eq!(sent, FORECASTS, "the metrics of both");

    let mut tags = BTreeMap::new();
    count_tags(&world.service, &mut tags);
    assert_eq!((tags.len(), tags.values().sum::<u32>()), (FORECASTS as usize, FORECASTS), "one push for each");
    let dir = world.stop().await;
    let mails = mails(&dir.path().join("outbox"));
    assert_eq!((mails.len(), mails.values().sum::<u32>()), (FORECASTS as usize, FORECASTS), "one mail for each");
}

/// A push service that is dead delays nothing but its own messages, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_push_service_delays_only_itself() {
    let world = World::start().await;
    let failing = std::iter::repeat_with(|| adapters::testing::Reply::new(503, "down"));
    world.service.server.answer_with(failing.take(100));
    let body = json!({"userId": USER, "title": "Hello", "body": "It works", "channels": "All"});
    let url = format!("{}/api/notifications", world.nodes[0].notifications);
    let accepted = world.send(Method::POST, &url, Some(&body)).await;
    assert_eq!(accepted.status(), 202);
    let accepted: Value = accepted.json().await.unwrap();
    let log = format!("{url}/{}/deliveries", accepted["id"].as_str().unwrap());
    let status = async |channel: &str| {
        let log = world.get(&log).await;
        let items = log["items"].as_array().unwrap().clone();
        items.iter().find(|one| one["channel"] == channel).map(|one| one["status"].clone()).unwrap_or_default()
    };
    until("the mail", || async { status("Email").await == "sent" }).await;
    assert_eq!(world.get(&url).await["total"], 1);
    until("the end of the push", || async { status("PushNotification").await == "failed" }).await;
    assert_eq!(world.service.server.requests(), 5, "one attempt and four retries");
    // Somebody must see it.
    let outbox = world.dir.path().join("outbox");
    until("the mail to the operators", || async { mails(&outbox).len() == 2 }).await;
    let texts: Vec<String> = std::fs::read_dir(&outbox)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let subject = "Subject: [SmartPulse] A push service does not take messages";
    assert!(texts.iter().any(|text| text.contains(subject) && text.contains("<ops@example.com>")), "{texts:?}");
    world.stop().await;
}
