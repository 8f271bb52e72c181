//! `GET /api/forecasts`.

use axum::extract::{Request, State};
use axum::response::Response;
use coherence::Level;
use domain::forecast::ServiceError;
use domain::model::ListParams;

use super::reply::{self, Provenance};
use super::routes::ForecastApi;
use super::schema::ForecastPage;
use crate::http::admission::{Admitted, timely};
use crate::http::conditional::X_MIN_VERSION;
use crate::http::params::query_pairs;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::problem_of;

/// Forecasts, newest date first
///
/// Sorted by `forecastDate` descending, then by `id`. Pages by `skip` and `take`, or by the `cursor` that the page before
/// gave as `next`: a cursor neither repeats nor leaves out what was there all the time. Whole pages are cached, and evicted
/// by any change of a forecast that they could show.
#[utoipa::path(
    get,
    path = "/api/forecasts",
    tag = "forecasts",
    params(
        ("companyId" = Option<String>, Query, description = "Only this company (UUID)"),
        ("productionUnitId" = Option<String>, Query, description = "Only this unit (UUID)"),
        ("from" = Option<String>, Query, description = "Only dates at or after this (RFC 3339)"),
        ("to" = Option<String>, Query, description = "Only dates before this (RFC 3339)"),
        ("status" = Option<String>, Query, description = "Pending, Completed or Failed"),
        ("skip" = Option<u32>, Query, description = "Leave out this many (default 0)"),
        ("take" = Option<u32>, Query, description = "At most this many, 1 to 100 (default 20)"),
        ("cursor" = Option<String>, Query, description = "Go on after the page that gave this as `next`; not with `skip`"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has"),
    ),
    responses(
        (status = 200, body = ForecastPage, headers(
            ("ETag" = String, description = "Strong entity tag of this page"),
            ("X-Cache-Level" = String, description = "L1 if the page was cached, else L4"),
            ("X-Cache-Hit" = String, description = "`true` if a cache answered"),
            ("Cache-Status" = String, description = "RFC 9211"),
            ("Age" = String, description = "Seconds since the store was read"),
        )),
        (status = 304, description = "The client has this page"),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED, each parameter named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_forecasts(
    State(ForecastApi(api)): State<ForecastApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    if request.headers().contains_key(X_MIN_VERSION) {
        return Err(Problem::invalid_field("X-Min-Version", "a list has no version; ask for one forecast"));
    }
    let params = ListParams::from_query(query_pairs(request.uri())?).map_err(|error| problem_of(error.into(), None))?;
    if params.take > api.page_max {
        return Err(Problem::invalid_field("take", format!("must be at most {}", api.page_max)));
    }
    let answer = timely(api.deadline, api.service.list(&admitted.caller.identity, &params)).await?;
    let answer = answer.map_err(|error: ServiceError| problem_of(error, None))?;
    let level = if answer.hit { Level::L1 } else { Level::L4 };
    Ok(reply::read(&answer.view, Provenance { level, age: answer.age, stale: answer.stale }, request.headers()))
}
