//! `GET /admin/parked`, `POST /admin/parked/{id}/retry`, `DELETE /admin/parked/{id}`: events that were given up.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use domain::ports::{ParkedEvent, ParkedId};
use domain::sync::ParkedDeskError;
use http::StatusCode;
use serde_json::{Value, json};

use super::audit::{Operator, audited};
use super::routes::AdminApi;
use crate::http::code::Code;
use crate::http::params::{parse_id, path_text, query_pairs};
use crate::http::problem::Problem;

const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

impl From<ParkedDeskError> for Problem {
    fn from(error: ParkedDeskError) -> Self {
        match error.is_retryable() {
            true => Problem::new(Code::Unavailable).detail(error.to_string()),
            false => Problem::internal(error),
        }
    }
}

/// The last ones first; `?limit=` says how many.
pub(super) async fn list(
    State(AdminApi(api)): State<AdminApi>,
    _operator: Operator,
    request: Request,
) -> Result<Response, Problem> {
    let mut limit = LIMIT;
    for (name, value) in query_pairs(request.uri())? {
        let given = value.parse().ok().filter(|given| name == "limit" && (1..=LIMIT_MAX).contains(given));
        limit =
            given.ok_or_else(|| Problem::invalid_field(name, format!("there is only `limit`, 1 to {LIMIT_MAX}")))?;
    }
    let items: Vec<Value> = api.desk.list(limit).await?.iter().map(item).collect();
    Ok(Json(json!({"items": items})).into_response())
}

/// Makes every instance read the forecast anew, and forgets the event.
pub(super) async fn retry(
    State(AdminApi(api)): State<AdminApi>,
    operator: Operator,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = path_text("id", id)?;
    let order = async { found(api.desk.retry(parked_id(&id)?).await?) };
    audited(&operator, "parked retry", &id, order).await
}

/// Forgets the event.
pub(super) async fn discard(
    State(AdminApi(api)): State<AdminApi>,
    operator: Operator,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = path_text("id", id)?;
    let order = async { found(api.desk.discard(parked_id(&id)?).await?) };
    audited(&operator, "parked discard", &id, order).await
}

fn parked_id(id: &str) -> Result<ParkedId, Problem> {
    parse_id("id", id).map(ParkedId)
}

fn found(there: bool) -> Result<Response, Problem> {
    match there {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(Problem::new(Code::ParkedNotFound)),
    }
}

fn item(event: &ParkedEvent) -> Value {
    let payload = &event.message.payload;
    // What could not be worked on may be no JSON either.
    let shown = serde_json::from_slice(payload).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(payload)));
    json!({
        "id": event.id.to_string(),
        "topic": event.topic.name(),
        "forecastId": event.entity.map(|id| id.to_string()),
        "reason": event.reason,
        "attempts": event.attempts,
        "parkedAt": event.parked_at,
        "payload": shown,
    })
}
