//! Answers from ready forms: what differs from request to request.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use coherence::Level;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::views::{CACHE_STATUS, Ready, X_CACHE_HIT, X_CACHE_LEVEL};
use crate::http::conditional::none_match;

/// The answer is older than its life, given because the source failed or is slow.
const X_CACHE_STALE: HeaderName = HeaderName::from_static("x-cache-stale");

/// How a ready form came about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provenance {
    pub(super) level: Level,
    pub(super) age: Duration,
    pub(super) stale: bool,
}

/// The answer to a read: 200, or 304 if the client has it already.
pub(super) fn read(ready: &Ready, provenance: Provenance, request: &HeaderMap) -> Response {
    let unchanged = request.contains_key(header::IF_NONE_MATCH) && none_match(request, &ready.etag);
    let mut response = Response::new(if unchanged { Body::empty() } else { Body::from(ready.body.clone()) });
    let mut headers = ready.headers.clone();
    headers.insert(header::AGE, HeaderValue::from(provenance.age.as_secs()));
    if provenance.level != Level::L1 || provenance.stale {
        differ(&mut headers, provenance);
    }
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        headers.remove(header::CONTENT_TYPE);
    }
    *response.headers_mut() = headers;
    response
}

/// The headers are prepared for a hit in L1; anything else says so.
fn differ(headers: &mut HeaderMap, provenance: Provenance) {
    headers.insert(X_CACHE_LEVEL, HeaderValue::from_static(provenance.level.name()));
    let status = match provenance.level {
        Level::L1 => "SmartPulse; hit; detail=L1",
        Level::L2 => "SmartPulse; hit; detail=L2",
        Level::L3 => "SmartPulse; hit; detail=L3",
        Level::L4 => "SmartPulse; fwd=miss; detail=L4",
    };
    headers.insert(CACHE_STATUS, HeaderValue::from_static(status));
    if provenance.level == Level::L4 {
        headers.remove(X_CACHE_HIT);
    }
    if provenance.stale {
        headers.insert(X_CACHE_STALE, HeaderValue::from_static("true"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
