//! `POST /api/forecasts`.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::forecast::{Answered, Saved};
use domain::model::CreateForecast;

use super::idempotency::{Kept, named};
use super::reply;
use super::routes::ForecastApi;
use super::schema::{CreateBody, ForecastDocument};
use crate::http::admission::{Admitted, timely};
use crate::http::extract::read_json;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::{location_of, problem_of};

/// A new forecast
///
/// Publishes `forecast:invalidation` (`DataCreated`), and `forecast:completed` if the supply is given. There is one
/// forecast for each company, unit, date and provider. With `Idempotency-Key` a repeated request gets the answer of the
/// first *success*, for 24 hours; a failure may be tried again under the same key.
#[utoipa::path(
    post,
    path = "/api/forecasts",
    tag = "forecasts",
    params(("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 255 characters: its first success is kept for 24 hours and sent again. Of a batch, only one that changed something; no answer longer than 1 MiB")),
    request_body = CreateBody,
    responses(
        (status = 201, body = ForecastDocument, headers(
            ("Location" = String, description = "Where the forecast is"),
            ("ETag" = String, description = "Strong entity tag of this version"),
            ("X-Version" = String, description = "`<incarnation>.<version>`"),
            ("Idempotency-Replayed" = String, description = "`true` if this is the answer to an earlier request"),
        )),
        (status = 400, body = ProblemDocument, description = "INVALID_JSON, or VALIDATION_FAILED, each field named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role forecast:write, or not the token's company"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 409, body = ProblemDocument, description = "FORECAST_EXISTS (with Location), or IDEMPOTENCY_IN_PROGRESS"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 415, body = ProblemDocument, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 422, body = ProblemDocument, description = "IDEMPOTENCY_KEY_REUSED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn create_forecast(
    State(ForecastApi(api)): State<ForecastApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let caller = reply::writer(&admitted.caller.identity, request.headers())?;
    let (headers, body) = read_json(request, api.body).await?;
    let create = CreateForecast::from_json(&body).map_err(|error| problem_of(error.into(), None))?;
    let named = named(&headers, "POST /api/forecasts", &body, created)?;
    let answered = timely(api.deadline, api.service.create(&caller, create, named)).await?;
    match answered.map_err(|error| problem_of(error, None))? {
        Answered::Now(saved) => {
            reply::trace("created", &caller, saved.forecast.id, saved.version);
            created(&saved).response()
        }
        Answered::Before(kept) => Kept::replay(&kept),
    }
}

fn created(saved: &Saved) -> Kept {
    let mut kept = reply::saved(201, saved);
    kept.headers.push(("location".to_owned(), location_of(saved.forecast.id)));
    kept
}
