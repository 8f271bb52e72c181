//! `POST /api/forecasts/batch`.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::forecast::{Answered, BatchItem, BatchOutcome};
use domain::model::BatchRequest;

use super::idempotency::{Kept, named};
use super::reply;
use super::routes::ForecastApi;
use super::schema::{BatchAnswer, BatchBody, BatchResult};
use crate::http::admission::{Admitted, timely};
use crate::http::extract::read_json;
use crate::http::problem::{FieldError, Problem, ProblemDocument};
use crate::http::service_error::problem_of;

/// Many forecasts at once
///
/// Up to 1,000 items in one transaction, each with its result. An item whose company, unit, date and provider exist
/// changes that forecast; one that says the same changes nothing. An invalid item does not stop the others.
/// `forecast:completed` is published only with `notify: true`, so that an import alerts nobody. At most 16 errors are told
/// of one item and 64 of all; beyond that, each invalid item tells its first. With `Idempotency-Key` a repeated request
/// gets the answer of the first *success* that changed something, if that answer is not longer than 1 MiB.
#[utoipa::path(
    post,
    path = "/api/forecasts/batch",
    tag = "forecasts",
    params(("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 255 characters: its first success is kept for 24 hours and sent again. Of a batch, only one that changed something; no answer longer than 1 MiB")),
    request_body = BatchBody,
    responses(
        (status = 200, body = BatchAnswer),
        (status = 400, body = ProblemDocument, description = "INVALID_JSON, or VALIDATION_FAILED of the request as a whole"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role forecast:write"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 409, body = ProblemDocument, description = "CONFLICT, or IDEMPOTENCY_IN_PROGRESS"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 415, body = ProblemDocument, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 422, body = ProblemDocument, description = "IDEMPOTENCY_KEY_REUSED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn write_batch(
    State(ForecastApi(api)): State<ForecastApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let caller = reply::writer(&admitted.caller.identity, request.headers())?;
    let (headers, body) = read_json(request, api.batch_body).await?;
    let batch = BatchRequest::from_json(&body).map_err(|error| problem_of(error.into(), None))?;
    if batch.items.len() > api.batch_max {
        return Err(Problem::invalid_field("items", format!("must be at most {}", api.batch_max)));
    }
    let named = named(&headers, "POST /api/forecasts/batch", &body, answered)?;
    let outcome = timely(api.deadline, api.service.batch(&caller, batch, named)).await?;
    match outcome.map_err(|error| problem_of(error, None))? {
        Answered::Now(outcome) => answered(&outcome).response(),
        Answered::Before(kept) => Kept::replay(&kept),
    }
}

fn answered(outcome: &BatchOutcome) -> Kept {
    let results: Vec<BatchResult> = outcome.items.iter().enumerate().map(|(index, item)| result(index, item)).collect();
    let count = |status: &str| results.iter().filter(|result| result.status == status).count();
    let answer = BatchAnswer {
        created: count("created"),
        updated: count("updated"),
        unchanged: count("unchanged"),
        invalid: count("invalid"),
        results,
    };
    reply::json(200, &answer)
}

fn result(index: usize, item: &BatchItem) -> BatchResult {
    let (status, saved) = match item {
        BatchItem::Created(saved) => ("created", saved),
        BatchItem::Updated(saved) => ("updated", saved),
        BatchItem::Unchanged(saved) => ("unchanged", saved),
        BatchItem::Invalid(errors) => {
            let details = errors.iter().map(|error| FieldError::new(&error.field, &error.message)).collect();
            return BatchResult { index, status: "invalid", id: None, version_id: None, details: Some(details) };
        }
    };
    let (id, version_id) = (saved.forecast.id.0, saved.forecast.version_id.0);
    BatchResult { index, status, id: Some(id), version_id: Some(version_id), details: None }
}
