//! The table of routes, and what they share.

use std::sync::Arc;
use std::time::Duration;

use ::coherence::WallClock;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, post};
use domain::forecast::ForecastService;
use domain::ports::{Bus, Ids};
use domain::sync::ParkedDesk;

use super::{coherence, evict, explain, parked};
use crate::app::{PipelineStatus, Ports};
use crate::http::admission::Gatekeeper;
use crate::http::extract::BodyLimit;
use crate::http::forecasts::JsonViews;

/// The paths, as the metrics of requests know them.
pub const PATHS: [&str; 7] = [
    "/admin/coherence",
    "/admin/explain/{key}",
    "/admin/evict",
    "/admin/resync",
    "/admin/parked",
    "/admin/parked/{id}",
    "/admin/parked/{id}/retry",
];

/// An order is a few words.
pub(super) const BODY: BodyLimit = BodyLimit { bytes: 8 * 1024, timeout: Duration::from_secs(10) };

/// What the handlers need.
#[derive(Clone)]
pub struct AdminApi(pub(super) Arc<Inner>);

pub(super) struct Inner {
    keeper: Arc<Gatekeeper>,
    pub(super) service: ForecastService<JsonViews>,
    pub(super) status: PipelineStatus,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) desk: ParkedDesk,
}

/// What an [`AdminApi`] is made of.
pub struct AdminParts<'a> {
    /// Who is let in.
    pub keeper: Arc<Gatekeeper>,
    /// The caches.
    pub service: ForecastService<JsonViews>,
    /// The jobs.
    pub status: PipelineStatus,
    /// Where orders go.
    pub ports: &'a Ports,
}

impl AdminApi {
    /// The API over these parts.
    pub fn new(parts: AdminParts<'_>) -> Self {
        let AdminParts { keeper, service, status, ports } = parts;
        let (bus, clock, ids) = (Arc::clone(&ports.bus), Arc::clone(&ports.clock), Arc::clone(&ports.ids));
        let desk = ParkedDesk::new(Arc::clone(&ports.parking), Arc::clone(&bus), Arc::clone(&clock), Arc::clone(&ids));
        Self(Arc::new(Inner { keeper, service, status, bus, clock, ids, desk }))
    }
}

impl FromRef<AdminApi> for Arc<Gatekeeper> {
    fn from_ref(api: &AdminApi) -> Self {
        Arc::clone(&api.0.keeper)
    }
}

/// The routes.
pub fn routes() -> Router<AdminApi> {
    let [at_coherence, at_explain, at_evict, at_resync, at_parked, at_one, at_retry] = PATHS;
    Router::new()
        .route(at_coherence, get(coherence::show))
        .route(at_explain, get(explain::explain))
        .route(at_evict, post(evict::evict))
        .route(at_resync, post(coherence::resync))
        .route(at_parked, get(parked::list))
        .route(at_one, delete(parked::discard))
        .route(at_retry, post(parked::retry))
}
