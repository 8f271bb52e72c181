//! Answers from ready forms: what differs from request to request.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use coherence::{Level, Version};
use domain::forecast::{Caller, Role, Saved};
use domain::model::ForecastId;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use serde::Serialize;

use super::idempotency::Kept;
use super::views::{CACHE_STATUS, Ready, X_CACHE_HIT, X_CACHE_LEVEL};
use crate::http::conditional::{forecast_etag, none_match};
use crate::http::problem::Problem;
use crate::http::service_error::{X_CACHE_STALE, problem_of};

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
        headers.remove(header::CONTENT_LENGTH);
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

/// The answer to a write: the document as it was saved.
pub(super) fn saved(status: u16, saved: &Saved) -> Kept {
    let mut kept = json(status, &saved.forecast);
    let etag = forecast_etag(saved.forecast.id, saved.version);
    kept.headers.push(("etag".to_owned(), etag.to_str().unwrap_or_default().to_owned()));
    kept.headers.push(("x-version".to_owned(), saved.version.to_string()));
    kept
}

/// An answer that no cache may keep.
pub(super) fn json(status: u16, body: &impl Serialize) -> Kept {
    let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
    Kept {
        status,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        // Our own documents always serialise.
        body: serde_json::to_string(body).unwrap_or_default(),
    }
}

/// The caller of a write, with the trace of this request, which the events carry on. Who may not write is refused before
/// a byte of the body is read.
pub(super) fn writer(caller: &Caller, headers: &HeaderMap) -> Result<Caller, Problem> {
    /// As W3C Trace Context writes it: version, trace, span, flags.
    const TRACEPARENT_BYTES: usize = 55;
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let traceparent = given.filter(|text| text.len() == TRACEPARENT_BYTES && text.is_ascii()).map(str::to_owned);
    caller.require(Role::ForecastWrite).map_err(|error| problem_of(error, None))?;
    Ok(Caller { traceparent, ..caller.clone() })
}

/// A write that was done, for who follows its trace from here to the caches of every instance.
pub(super) fn trace(what: &'static str, caller: &Caller, id: ForecastId, version: Version) {
    tracing::debug!(%id, %version, traceparent = caller.traceparent, "a forecast is {what}");
}
