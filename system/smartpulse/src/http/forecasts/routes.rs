//! The table of routes, and what they share.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use domain::forecast::ForecastService;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::views::JsonViews;
use crate::config::{HttpConfig, LimitsConfig};
use crate::http::admission::Gatekeeper;
use crate::http::extract::BodyLimit;
use crate::http::streams::{self, StreamBase, StreamHub};

/// What the handlers need.
#[derive(Clone)]
pub struct ForecastApi(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) service: ForecastService<JsonViews>,
    pub(super) keeper: Arc<Gatekeeper>,
    pub(super) deadline: Duration,
    pub(super) body: BodyLimit,
    pub(super) batch_body: BodyLimit,
    pub(super) page_max: u32,
    pub(super) batch_max: usize,
    streams: StreamHub,
}

impl ForecastApi {
    /// The API over a service.
    pub fn new(
        service: ForecastService<JsonViews>,
        keeper: Arc<Gatekeeper>,
        http: &HttpConfig,
        limits: &LimitsConfig,
        streams: StreamHub,
    ) -> Self {
        let limit = |bytes| BodyLimit { bytes, timeout: http.body_timeout };
        Self(Arc::new(Inner {
            service,
            keeper,
            deadline: http.request_timeout,
            body: limit(http.body_limit_bytes),
            batch_body: limit(http.batch_limit_bytes),
            page_max: limits.page_max,
            batch_max: limits.batch_max,
            streams,
        }))
    }

    /// The use cases.
    pub(in crate::http) fn service(&self) -> &ForecastService<JsonViews> {
        &self.0.service
    }

    /// Who is let in.
    pub(in crate::http) fn keeper(&self) -> &Gatekeeper {
        &self.0.keeper
    }

    /// The event streams.
    pub(in crate::http) fn streams(&self) -> &StreamHub {
        &self.0.streams
    }
}

impl FromRef<ForecastApi> for Arc<Gatekeeper> {
    fn from_ref(api: &ForecastApi) -> Self {
        Arc::clone(&api.0.keeper)
    }
}

impl FromRef<ForecastApi> for StreamBase {
    fn from_ref(api: &ForecastApi) -> Self {
        api.0.streams.base().clone()
    }
}

/// The routes of ProductionForecast, each with its description.
pub fn routes() -> OpenApiRouter<ForecastApi> {
    OpenApiRouter::new()
        .routes(routes!(super::get::get_forecast, super::revise::patch_forecast, super::revise::delete_forecast))
        .routes(routes!(super::list::list_forecasts, super::create::create_forecast))
        .routes(routes!(super::batch::write_batch))
        .routes(routes!(streams::forecast_changes))
        .routes(routes!(streams::stream_ticket))
}
