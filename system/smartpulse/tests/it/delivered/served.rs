//! The program as it is served, with the ways out that a test gives it, and what is asked of it over HTTP.

use std::path::Path;

use adapters::testing::FakePushService;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::outbox::{USER, browser};
use crate::running::{Running, printed, until};

/// A registration token as Google makes them.
pub(super) const REGISTRATION: &str =
    "dQw4w9WgXcQ:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789";

/// A running program whose one user has a name and a mail address.
pub(super) struct Served {
    running: Running,
    base: String,
}

impl Served {
    /// Starts one in `dir` with these settings.
    pub(super) fn start(dir: &Path, settings: &[String]) -> Self {
        printed(dir, &["migrate"]);
        let table = format!("type,id,name,email\nuser,{USER},Anna Berg,anna@example.com\n");
        std::fs::write(dir.join("people.csv"), table).unwrap();
        assert!(printed(dir, &["import-directory", "people.csv"]).starts_with("1 people, 0 units"));
        let args = settings.iter().flat_map(|setting| ["--set", setting.as_str()]).chain(["--empty"]);
        let running = Running::start(dir, &args.collect::<Vec<_>>());
        let base = running.shown("Notifications").trim_end_matches("/api/notifications").to_owned();
        Self { running, base }
    }

    /// The address of a path of the API of notifications.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Who asks, without a token.
    pub(super) fn client(&self) -> reqwest::Client {
        self.running.client()
    }

    /// The token that the start showed.
    pub(super) fn token(&self) -> String {
        self.running.token()
    }

    /// The API of notifications, with the token.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.running.client().request(method, self.url(path));
        let request = request.bearer_auth(self.running.token());
        match body {
            Some(body) => request.json(body).send().await.unwrap(),
            None => request.send().await.unwrap(),
        }
    }

    /// The answer to a GET.
    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// The same address without a token, as a mail program asks.
    pub(super) async fn post_form(&self, path: &str, form: &'static str) -> u16 {
        let request = self.running.client().post(self.url(path));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        request.send().await.unwrap().status().as_u16()
    }

    /// Registers a browser at `service`, if there is one, and an app.
    pub(super) async fn register(&self, service: Option<&FakePushService>) {
        let app = json!({"integrationType": 1, "token": REGISTRATION});
        assert_eq!(self.ask(Method::POST, "/api/devices", Some(&app)).await.status(), 201);
        let Some(service) = service else { return };
        let key = self.get("/api/push/vapid-public-key").await["publicKey"].as_str().unwrap().to_owned();
        let device = browser(service, &key);
        assert_eq!(self.ask(Method::POST, "/api/devices", Some(&device)).await.status(), 201);
    }

    /// A completed forecast of the user's.
    pub(super) async fn complete(&self, forecast: &Value) {
        let created = self.running.request(Method::POST, "/api/forecasts").json(forecast).send().await.unwrap();
        assert_eq!(created.status(), 201, "{}", created.text().await.unwrap());
    }

    /// Sends the user a message over all channels; answers its id.
    pub(super) async fn tell(&self, title: &str) -> String {
        let body = json!({"userId": USER, "title": title, "body": "It works", "channels": "All"});
        let accepted = self.ask(Method::POST, "/api/notifications", Some(&body)).await;
        assert_eq!(accepted.status(), 202);
        accepted.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the user has so many notifications; answers them.
    pub(super) async fn inbox(&self, total: u32) -> Vec<Value> {
        let path = "/api/notifications?take=100";
        until("the inbox", || async { self.get(path).await["total"] == total }).await;
        self.get(path).await["items"].as_array().unwrap().clone()
    }

    /// What became of a notification on this channel: one entry for each device of it.
    pub(super) async fn deliveries(&self, id: &str, channel: &str) -> Vec<Value> {
        let log = self.get(&format!("/api/notifications/{id}/deliveries")).await;
        let items = log["items"].as_array().unwrap().iter();
        items.filter(|one| one["channel"] == channel).cloned().collect()
    }

    /// Waits until all deliveries of a notification on this channel say so; there must be some.
    pub(super) async fn until_all(&self, id: &str, channel: &str, status: &str) {
        until(&format!("{channel} {status}"), || async {
            let all = self.deliveries(id, channel).await;
            !all.is_empty() && all.iter().all(|one| one["status"] == status)
        })
        .await;
    }

    /// What the notification service and its adapters logged at this level, line by line. (What else an instance does may
    /// complain on a busy machine.)
    pub(super) fn logged(&self, level: &str) -> Vec<Value> {
        let log = self.running.log();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let is_ours = |line: &Value| {
            let target = line["target"].as_str().unwrap_or_default();
            target.starts_with("domain::notification") || target.starts_with("adapters")
        };
        lines.filter(|line| line["level"] == level && is_ours(line)).collect()
    }

    /// Ends it in order.
    pub(super) fn stop(self) {
        self.running.stop();
    }
}
