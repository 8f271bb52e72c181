//! `GET /api/forecasts/{id}`.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::model::ForecastId;

use super::reply::{self, Provenance};
use super::routes::ForecastApi;
use super::schema::ForecastDocument;
use super::views::View;
use crate::http::admission::{Admitted, timely};
use crate::http::code::Code;
use crate::http::conditional::min_version;
use crate::http::params::{last_segment, parse_id};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::problem_of;

/// One forecast
///
/// Read through the four tiers; `X-Cache-Level` tells which answered. A forecast of a company that the token does not
/// name does not exist for the caller. With `If-None-Match` the answer is 304 if the client has this version.
#[utoipa::path(
    get,
    path = "/api/forecasts/{id}",
    tag = "forecasts",
    params(
        ("id" = Uuid, Path, description = "The forecast's id (UUID)"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has"),
        ("X-Min-Version" = Option<String>, Header, description = "At least this version, in the form of X-Version"),
    ),
    responses(
        (status = 200, body = ForecastDocument, headers(
            ("ETag" = String, description = "Strong entity tag of this version"),
            ("X-Version" = String, description = "`<incarnation>.<version>`"),
            ("X-Cache-Level" = String, description = "The tier that answered: L1, L2, L3 or L4"),
            ("X-Cache-Hit" = String, description = "`true` if a cache answered"),
            ("Cache-Status" = String, description = "RFC 9211"),
            ("Age" = String, description = "Seconds since the store was read"),
        )),
        (status = 304, description = "The client has this version"),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: the id is not a UUID, or X-Min-Version not a version"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 404, body = ProblemDocument, description = "FORECAST_NOT_FOUND"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED, UNAVAILABLE or VERSION_NOT_REACHED"),
        (status = 504, body = ProblemDocument, description = "TIMEOUT"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_forecast(
    State(ForecastApi(api)): State<ForecastApi>,
    admitted: Admitted,
    // Not `Path` and `HeaderMap`, which would copy both: this is the hot path.
    request: Request,
) -> Result<Response, Problem> {
    let id = ForecastId(parse_id("id", last_segment(request.uri()))?);
    let least = min_version(request.headers())?;
    let answer = timely(api.deadline, api.service.get(&admitted.caller.identity, id, least)).await?;
    let answer = answer.map_err(|error| problem_of(error, Some(id)))?;
    match &answer.view {
        View::Present(forecast) => {
            let provenance = Provenance { level: answer.level, age: answer.age, stale: answer.stale };
            Ok(reply::read(&forecast.ready, provenance, request.headers()))
        }
        View::Absent => Err(Problem::new(Code::ForecastNotFound)),
    }
}
