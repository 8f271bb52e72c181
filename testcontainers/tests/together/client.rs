//! A client as any other program is one: HTTP and JSON, nothing of ours.

use std::sync::Arc;
use std::time::Duration;

use containers::check::{Shown, Version};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Longer than the services give a request.
const REQUEST_MAX: Duration = Duration::from_secs(15);
pub(crate) const COMPANY: &str = "0b5d0000-0000-4000-8000-00000000c0de";

/// One TLS provider for the process: the client asks for one, though nothing here is encrypted.
pub(crate) fn install_tls() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("the first");
}

#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    token: Arc<str>,
}

/// Why there was no answer.
#[derive(Debug, Clone)]
pub(crate) enum Refused {
    /// The process is away, or its connection broke.
    Unreachable,
    /// It said so.
    Status(
        #[expect(dead_code, reason = "a case that fails shows it")] StatusCode,
        #[expect(dead_code, reason = "a case that fails shows it")] String,
    ),
}

impl Client {
    pub(crate) fn new(token: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, token: token.into() }
    }

    pub(crate) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.http.request(method, url).bearer_auth(&self.token)
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// For those who have something else to show.
    pub(crate) fn without_token(&self, method: Method, url: &str) -> RequestBuilder {
        self.http.request(method, url)
    }

    async fn answer(request: RequestBuilder) -> Result<Response, Refused> {
        let answer = request.timeout(REQUEST_MAX).send().await.map_err(|_| Refused::Unreachable)?;
        match answer.status() {
            status if status.is_success() => Ok(answer),
            status => Err(Refused::Status(status, answer.text().await.unwrap_or_default())),
        }
    }

    /// Any JSON.
    pub(crate) async fn json(&self, url: &str) -> Result<Value, Refused> {
        Self::answer(self.request(Method::GET, url)).await?.json().await.map_err(|_| Refused::Unreachable)
    }

    /// Any text.
    pub(crate) async fn text(&self, url: &str) -> Result<String, Refused> {
        Self::answer(self.request(Method::GET, url)).await?.text().await.map_err(|_| Refused::Unreachable)
    }

    /// A forecast, as new as `least`.
    pub(crate) async fn get(&self, base: &str, id: Uuid, least: Option<Version>) -> Result<Shown, Refused> {
        let mut request = self.request(Method::GET, &format!("{base}/api/forecasts/{id}"));
        if let Some(least) = least {
            request = request.header("x-min-version", least.to_string());
        }
        shown(Self::answer(request).await?).await
    }

    /// All forecasts, by the list; whether it was marked as stale.
    pub(crate) async fn list(&self, base: &str) -> Result<(Vec<(Uuid, Shown)>, bool), Refused> {
        let url = format!("{base}/api/forecasts?companyId={COMPANY}&take=100");
        let answer = Self::answer(self.request(Method::GET, &url)).await?;
        let stale = is_stale(&answer);
        let page: Value = answer.json().await.map_err(|_| Refused::Unreachable)?;
        let item = |item: &Value| {
            let id = item["id"].as_str().unwrap().parse().unwrap();
            // A list does not say in which life of the database it was read: there is one here.
            let version = Version { incarnation: 1, id: item["versionId"].as_u64().unwrap() };
            (id, Shown { version, number: number(item), stale })
        };
        Ok((page["items"].as_array().unwrap().iter().map(item).collect(), stale))
    }

    pub(crate) async fn patch(&self, base: &str, id: Uuid, number: u64) -> Result<Shown, Refused> {
        let url = format!("{base}/api/forecasts/{id}");
        shown(Self::answer(self.request(Method::PATCH, &url).json(&json!({ "demand": number }))).await?).await
    }

    pub(crate) async fn create(&self, base: &str, n: u32, number: u64) -> Result<(Uuid, Shown), Refused> {
        let body = json!({
            "companyId": COMPANY, "productionUnitId": COMPANY, "demand": number, "confidence": 0.5,
            "forecastDate": format!("2025-01-{:02}T{:02}:00:00Z", 1 + n / 24, n % 24),
        });
        let answer = Self::answer(self.request(Method::POST, &format!("{base}/api/forecasts")).json(&body)).await?;
        let id = answer.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        Ok((id, shown(answer).await?))
    }
}

fn is_stale(answer: &Response) -> bool {
    answer.headers().get("x-cache-stale").is_some_and(|value| value == "true")
}

fn number(document: &Value) -> u64 {
    let demand = document["demand"].as_f64().unwrap();
    // Whole and small: it was sent so.
    demand as u64
}

async fn shown(answer: Response) -> Result<Shown, Refused> {
    let version: Version = answer.headers()["x-version"].to_str().unwrap().parse().unwrap();
    let stale = is_stale(&answer);
    let document: Value = answer.json().await.map_err(|_| Refused::Unreachable)?;
    assert_eq!(document["versionId"], version.id, "header and document are of one read");
    Ok(Shown { version, number: number(&document), stale })
}
