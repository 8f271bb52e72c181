//! `PATCH` and `DELETE /api/forecasts/{id}`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use domain::forecast::Precondition;
use domain::model::{ForecastId, PatchForecast};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use super::reply;
use super::routes::ForecastApi;
use super::schema::{ForecastDocument, PatchBody};
use super::views::{X_VERSION, version_header};
use crate::http::admission::{Admitted, timely};
use crate::http::conditional::{IfMatch, forecast_etag};
use crate::http::extract::read_json;
use crate::http::params::{last_segment, parse_id};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::problem_of;

/// Change a forecast
///
/// JSON merge patch (RFC 7396): only the fields that are named change, `null` removes an optional one. Publishes
/// `forecast:updated` and `forecast:invalidation` (`DataUpdated`), and `forecast:completed` if it becomes `Completed`. A
/// patch that changes nothing writes nothing. With `If-Match` only the named version is changed.
#[utoipa::path(
    patch,
    path = "/api/forecasts/{id}",
    tag = "forecasts",
    params(
        ("id" = Uuid, Path, description = "The forecast's id (UUID)"),
        ("If-Match" = Option<String>, Header, description = "Entity tags, one of which the forecast must have"),
    ),
    request_body(content = PatchBody, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = ForecastDocument, headers(
            ("ETag" = String, description = "Strong entity tag of this version"),
            ("X-Version" = String, description = "`<incarnation>.<version>`"),
        )),
        (status = 400, body = ProblemDocument, description = "INVALID_JSON, or VALIDATION_FAILED, each field named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role forecast:write"),
        (status = 404, body = ProblemDocument, description = "FORECAST_NOT_FOUND"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 409, body = ProblemDocument, description = "FORECAST_EXISTS (with Location), or CONFLICT"),
        (status = 412, body = ProblemDocument, description = "PRECONDITION_FAILED, with the ETag of the version there is"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 415, body = ProblemDocument, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn patch_forecast(
    State(ForecastApi(api)): State<ForecastApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    // Not `Path`, whose errors are not ours.
    let id = ForecastId(parse_id("id", last_segment(request.uri()))?);
    let caller = reply::writer(&admitted.caller.identity, request.headers())?;
    let precondition = precondition(id, request.headers())?;
    let (_, body) = read_json(request, api.body).await?;
    let patch = PatchForecast::from_json(&body).map_err(|error| problem_of(error.into(), Some(id)))?;
    let saved = timely(api.deadline, api.service.patch(&caller, id, patch, precondition)).await?;
    let saved = saved.map_err(|error| problem_of(error, Some(id)))?;
    reply::trace("changed", &caller, id, saved.version);
    reply::saved(200, &saved).response()
}

/// Delete a forecast
///
/// Publishes `forecast:invalidation` (`DataDeleted`). With `If-Match` only the named version is deleted.
#[utoipa::path(
    delete,
    path = "/api/forecasts/{id}",
    tag = "forecasts",
    params(
        ("id" = Uuid, Path, description = "The forecast's id (UUID)"),
        ("If-Match" = Option<String>, Header, description = "Entity tags, one of which the forecast must have"),
    ),
    responses(
        (status = 204, description = "It is deleted; X-Version is its tombstone's"),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: the id is not a UUID"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role forecast:write"),
        (status = 404, body = ProblemDocument, description = "FORECAST_NOT_FOUND"),
        (status = 409, body = ProblemDocument, description = "CONFLICT"),
        (status = 412, body = ProblemDocument, description = "PRECONDITION_FAILED, with the ETag of the version there is"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn delete_forecast(
    State(ForecastApi(api)): State<ForecastApi>,
    admitted: Admitted,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = ForecastId(parse_id("id", last_segment(&uri))?);
    let caller = reply::writer(&admitted.caller.identity, &headers)?;
    let precondition = precondition(id, &headers)?;
    let deleted = timely(api.deadline, api.service.delete(&caller, id, precondition)).await?;
    let deleted = deleted.map_err(|error| problem_of(error, Some(id)))?;
    reply::trace("deleted", &caller, id, deleted.version);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_VERSION, version_header(deleted.version));
    Ok(response)
}

fn precondition(id: ForecastId, headers: &HeaderMap) -> Result<Option<Precondition>, Problem> {
    let accepted = IfMatch::read(headers)?;
    Ok(accepted.map(|accepted| Precondition::new(move |version| accepted.accepts(&forecast_etag(id, version)))))
}
