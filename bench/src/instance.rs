//! An instance to measure: the embedded default over a database in a temporary folder.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use smartpulse::app::{App, Routes};
use smartpulse::auth::{Role, Scope, TokenRequest, sign_hs256};
use smartpulse::config::{Inputs, Override, load};
use smartpulse::wiring::Embedded;
use tower::ServiceExt;
use uuid::Uuid;

/// What signs the tokens of the benches.
pub const SECRET: &str = "a secret of the benches, which guards nothing";

/// An instance, the token to speak to it, and the folder of its database.
pub struct Instance {
    /// The instance.
    pub app: App,
    /// A token that may do everything.
    pub token: String,
    /// What keeps the database open.
    pub embedded: Embedded,
    /// Where it lies.
    pub folder: tempfile::TempDir,
}

impl Instance {
    /// Opens one beside whose router no job runs, so nobody sends a beacon: its tiers are trusted for their lives.
    pub async fn open() -> Self {
        Self::with("ttl").await
    }

    /// Opens one whose tiers are trusted under the lease: somebody must run [`App::serve`].
    pub async fn leased() -> Self {
        Self::with("end_to_end").await
    }

    async fn with(freshness: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let set = |key: &str, value: &str| Override { flag: "bench".into(), key: key.into(), value: value.into() };
        let flags = vec![
            set("data_dir", folder.path().to_str().unwrap()),
            set("auth.secret", SECRET),
            set("cache.freshness", freshness),
        ];
        let config = load(&Inputs { file: None, env: BTreeMap::new(), flags }).unwrap().config;
        let embedded = Embedded::open(&config).await.unwrap();
        let app = App::new(&config, embedded.ports.clone(), "bench").await.unwrap();
        Self { app, token: token(), embedded, folder }
    }

    /// How to ask it without a socket.
    pub fn asked(&self) -> Asked {
        Asked { router: self.app.router(), token: self.token.clone() }
    }

    /// Sends one request through the router, without a socket.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Response<Value>) {
        self.asked().send(method, path, body).await
    }

    /// Creates one forecast; answers its id.
    pub async fn create(&self, n: u64) -> String {
        self.asked().create(n).await
    }
}

/// An instance that is asked without a socket.
pub struct Asked {
    /// Its router.
    pub router: Routes,
    /// A token that may do everything.
    pub token: String,
}

impl Asked {
    /// Sends one request through the router, without a socket.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Response<Value>) {
        let mut request =
            Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (parts.status, Response::from_parts(parts, value))
    }

    /// Creates one forecast; answers its id.
    pub async fn create(&self, n: u64) -> String {
        let body = json!({
            "companyId": Uuid::from_u128(1), "productionUnitId": Uuid::from_u128(u128::from(n) + 2),
            "forecastDate": "2025-11-13T00:00:00Z", "demand": 450.5, "supply": 480.0, "confidence": 0.95,
        });
        let (status, response) = self.send("POST", "/api/forecasts", Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{:?}", response.body());
        response.body()["id"].as_str().unwrap().to_owned()
    }
}

/// A token for all of company 1, signed with [`SECRET`].
pub fn token() -> String {
    let now = jiff::Timestamp::now().as_second();
    let request = TokenRequest {
        user: Uuid::from_u128(7),
        scope: Scope::Companies(BTreeSet::from([domain::model::CompanyId(Uuid::from_u128(1))])),
        roles: Role::ALL.to_vec(),
        issued_at_unix_s: now,
        expires_at_unix_s: now + 86_400,
        issuer: None,
        audience: None,
    };
    sign_hs256(SECRET.as_bytes(), &request).unwrap()
}
