//! A client that speaks to a router without a socket.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use smartpulse::app::Routes;
use tower::ServiceExt;

use super::contract::Contract;

const BODY_BYTES_MAX: usize = 16 << 20;

/// A request about to be sent.
pub(crate) struct Ask<'a> {
    router: &'a Routes,
    contract: Option<&'a Contract>,
    request: http::request::Builder,
    body: Body,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(router: &'a Routes, contract: Option<&'a Contract>, method: &str, path: &str) -> Self {
        let request = Request::builder().method(method).uri(path);
        Self { router, contract, request, body: Body::empty() }
    }

    pub(crate) fn by(self, token: &str) -> Self {
        let value = format!("Bearer {token}");
        self.with("authorization", value)
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    pub(crate) fn text(self, content_type: &str, body: impl Into<Body>) -> Self {
        self.with("content-type", content_type).body(body)
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Reply {
        let request = self.request.body(self.body).unwrap();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap();
        let reply = Reply { status: parts.status, headers: parts.headers, body };
        for name in ["x-request-id", "x-instance"] {
            assert!(reply.headers.contains_key(name), "{name} on every answer: {method} {path} {reply:?}");
        }
        if let Some(contract) = self.contract {
            contract.check(&method, &path, &reply);
        }
        reply
    }
}

/// An answer.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.text())
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `X-Cache-Level` of a 200 or 304.
    pub(crate) fn level(&self) -> &str {
        assert!(matches!(self.status.as_u16(), 200 | 304), "{self:?}");
        self.header("x-cache-level").unwrap()
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    /// The problem document, once it is what every error answer must be.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let document = self.json();
        assert_eq!(document["code"], code, "{self:?}");
        assert_eq!(document["status"], status);
        assert_eq!(document["title"], document["error"]);
        assert_eq!(document["type"], format!("urn:smartpulse:problem:{code}"));
        document
    }

    /// The fields that a 400 `VALIDATION_FAILED` names.
    pub(crate) fn fields(&self) -> Vec<String> {
        let problem = self.problem(400, "VALIDATION_FAILED");
        let details = problem["details"].as_array().unwrap();
        details.iter().map(|detail| detail["field"].as_str().unwrap().to_owned()).collect()
    }
}
