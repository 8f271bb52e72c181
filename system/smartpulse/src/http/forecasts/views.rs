//! What L1 and the output cache hold: bodies and headers, ready to send, made once per fill.

use std::sync::Arc;

use bytes::Bytes;
use coherence::{Document, Key, Render, Version};
use domain::forecast::{Listed, Views};
use domain::model::{CompanyId, Forecast, ForecastId};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

use crate::config::HttpConfig;
use crate::http::conditional::{body_etag, forecast_etag};
use crate::http::request_id::{X_INSTANCE, X_REQUEST_ID};

/// The version of what is shown: `<incarnation>.<version>`.
pub(super) const X_VERSION: HeaderName = HeaderName::from_static("x-version");
/// `true` where a cache answered.
pub(super) const X_CACHE_HIT: HeaderName = HeaderName::from_static("x-cache-hit");
/// The tier that answered: `L1` to `L4`.
pub(super) const X_CACHE_LEVEL: HeaderName = HeaderName::from_static("x-cache-level");
/// RFC 9211.
pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HIT: HeaderValue = HeaderValue::from_static("SmartPulse; hit; detail=L1");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const L1: HeaderValue = HeaderValue::from_static("L1");
const ZERO: HeaderValue = HeaderValue::from_static("0");

/// Makes the ready forms. The headers that are the same for all are made once.
#[derive(Debug, Clone)]
pub struct JsonViews {
    cache_control: HeaderValue,
}

/// A response that is ready but for what differs from request to request.
#[derive(Debug)]
pub struct Ready {
    /// The body.
    pub body: Bytes,
    /// Its strong entity tag.
    pub etag: HeaderValue,
    /// All headers of a hit in L1. Those that differ from answer to answer are in it already, so that a copy has room
    /// for them and never grows.
    pub headers: HeaderMap,
}

/// One forecast, or its absence.
#[derive(Debug, Clone)]
pub enum View {
    /// It exists.
    Present(Arc<ReadyForecast>),
    /// It does not.
    Absent,
}

/// One forecast.
#[derive(Debug)]
pub struct ReadyForecast {
    /// Whose it is; compared with the caller's scope at every hit.
    pub company: CompanyId,
    /// The response.
    pub ready: Ready,
}

/// One page of a list.
pub type ListView = Arc<Ready>;

impl JsonViews {
    /// Ready forms with the caching headers of this configuration.
    pub fn new(http: &HttpConfig) -> Self {
        let audience = if http.cache_control_private { "private" } else { "public" };
        let text = format!("max-age={}, {audience}", http.max_age.as_secs());
        // Digits and words are always a valid header value.
        let cache_control = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("no-store"));
        Self { cache_control }
    }

    fn ready(&self, body: Bytes, etag: HeaderValue, version: Option<Version>) -> Ready {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        headers.insert(header::VARY, HeaderValue::from_static("Authorization, X-Min-Version"));
        headers.insert(header::ETAG, etag.clone());
        if let Some(version) = version {
            headers.insert(X_VERSION, version_header(version));
        }
        headers.insert(X_CACHE_HIT, TRUE);
        headers.insert(X_CACHE_LEVEL, L1);
        headers.insert(CACHE_STATUS, HIT);
        headers.insert(header::AGE, ZERO);
        headers.insert(X_REQUEST_ID, ZERO);
        headers.insert(X_INSTANCE, ZERO);
        Ready { body, etag, headers }
    }
}

/// `X-Version`.
pub(super) fn version_header(version: Version) -> HeaderValue {
    // Digits and a point are always a valid header value.
    HeaderValue::from_str(&version.to_string()).unwrap_or(ZERO)
}

impl Render for JsonViews {
    type View = View;

    fn render(&self, _key: &Key, document: &Document) -> Result<View, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Owner {
            id: ForecastId,
            company_id: CompanyId,
        }
        let Some(body) = &document.body else { return Ok(View::Absent) };
        let owner: Owner = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let etag = forecast_etag(owner.id, document.version);
        let ready = self.ready(body.clone(), etag, Some(document.version));
        Ok(View::Present(Arc::new(ReadyForecast { company: owner.company_id, ready })))
    }

    /// As the store's loader writes it: read and written again.
    fn normalise(&self, _key: &Key, body: Bytes) -> Result<Bytes, String> {
        let forecast: Forecast = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        serde_json::to_vec(&forecast).map(Bytes::from).map_err(|error| error.to_string())
    }

    fn weight_bytes(&self, view: &View) -> usize {
        match view {
            View::Present(forecast) => forecast.ready.weight_bytes(),
            View::Absent => 0,
        }
    }
}

impl Ready {
    fn weight_bytes(&self) -> usize {
        /// A header map of this size, about.
        const HEADERS_BYTES: usize = 1_600;
        HEADERS_BYTES + self.body.len()
    }
}

impl Views for JsonViews {
    type List = ListView;

    fn company_id(&self, view: &View) -> Option<CompanyId> {
        match view {
            View::Present(forecast) => Some(forecast.company),
            View::Absent => None,
        }
    }

    fn render_list(&self, page: &Listed) -> Result<ListView, String> {
        #[derive(Serialize)]
        struct Page<'a> {
            total: u64,
            items: &'a [Forecast],
            next: Option<&'a str>,
        }
        let page = Page { total: page.total, items: &page.items, next: page.next.as_deref() };
        let body = Bytes::from(serde_json::to_vec(&page).map_err(|error| error.to_string())?);
        let etag = body_etag(&body);
        Ok(Arc::new(self.ready(body, etag, None)))
    }

    fn list_weight_bytes(&self, list: &ListView) -> usize {
        list.weight_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coherence::stream::{apply, diff};
    use coherence::{Timestamp, VersionId};
    use domain::model::{ProviderId, Status, UnitId, forecast_key};
    use proptest::prelude::*;
    use serde_json::Value;
    use uuid::Uuid;

    fn moments() -> impl Strategy<Value = Timestamp> {
        (0..4_000_000_000_000_000_i64).prop_map(|us| Timestamp::from_microsecond(us).unwrap())
    }

    fn forecasts() -> impl Strategy<Value = Forecast> {
        let amount = || prop_oneof![(0.0..1e15_f64), Just(0.0), Just(5.0), Just(1_130.413_000_000_000_2)];
        let ids = (any::<u128>(), any::<u128>(), prop::option::of(any::<u128>()));
        let numbers = (amount(), prop::option::of(amount()), 0.0..=1.0_f64);
        let rest = (moments(), moments(), moments(), 1..u64::MAX, prop::collection::vec("\\PC{0,8}", 0..4), 0..3_usize);
        (ids, numbers, rest).prop_map(|((id, unit, provider), (demand, supply, confidence_level), rest)| {
            let (forecast_date, created_at, updated_at, version, tags, status) = rest;
            Forecast {
                id: ForecastId(Uuid::from_u128(id)),
                company_id: CompanyId(Uuid::from_u128(id ^ unit)),
                production_unit_id: UnitId(Uuid::from_u128(unit)),
                provider_id: provider.map(|id| ProviderId(Uuid::from_u128(id))),
                forecast_date,
                demand,
                supply,
                confidence_level,
                status: Status::ALL[status],
                tags,
                created_at,
                updated_at,
                version_id: VersionId(version),
            }
        })
    }

    proptest! {
        /// All instances hold the same bytes under one version, and so send the same entity tag with the same body:
        /// whether the document was read from the store or patched.
        #[test]
        fn a_patched_document_has_the_bytes_that_the_store_would_give(before in forecasts(), after in forecasts()) {
            let http = crate::config::load(&crate::config::Inputs::default()).unwrap().config.http;
            let views = JsonViews::new(&http);
            let bytes = |forecast: &Forecast| Bytes::from(serde_json::to_vec(forecast).unwrap());
            let value = |forecast: &Forecast| serde_json::from_slice::<Value>(&bytes(forecast)).unwrap();
            let (old, new) = (value(&before), value(&after));
            let patched = apply(Some(&old), &diff(Some(&old), Some(&new))).unwrap().unwrap();
            let text = Bytes::from(serde_json::to_vec(&patched).unwrap());
            prop_assert_eq!(views.normalise(&forecast_key(after.id), text).unwrap(), bytes(&after));
        }
    }
}
