//! `POST /api/send-push-notification`.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::notification::model::{DeliveryStatus, SendPush};
use domain::notification::operations::{PUSH_WAIT_MAX, PushResult, PushSummary};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::NotificationApi;
use super::named::{answered, named};
use super::reply;
use super::schema::PushBody;
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::extract::read_json;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;

const MISSING: Code = Code::NotificationNotFound;

/// What came of a push.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PushAnswer {
    /// The notification, for its deliveries.
    id: Uuid,
    /// How many push services have it.
    sent: usize,
    /// How many devices will never have it; those that are gone among them.
    failed: usize,
    /// How many devices are gone, and were removed.
    removed: usize,
    /// How many are tried further.
    pending: usize,
    /// One for each device.
    results: Vec<DeviceResult>,
}

/// What came of one device.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceResult {
    /// The device.
    device_id: Uuid,
    /// `sent`, `failed`, `removed` or `pending`.
    #[schema(value_type = String, example = "sent")]
    status: &'static str,
    /// Why it is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

impl From<PushSummary> for PushAnswer {
    fn from(summary: PushSummary) -> Self {
        let count = |status| summary.results.iter().filter(|result| result.status == status).count();
        Self {
            id: summary.id.0,
            sent: summary.sent(),
            failed: summary.failed(),
            removed: count(DeliveryStatus::Removed),
            pending: count(DeliveryStatus::Pending),
            results: summary.results.into_iter().map(result).collect(),
        }
    }
}

fn result(result: PushResult) -> DeviceResult {
    DeviceResult { device_id: result.device_id.0, status: result.status.name(), error: result.error }
}

/// A push to a user's devices
///
/// Waits for the first attempts, at most 5.5 seconds, and tells what came of each device; what is `pending` then is tried
/// further, and the notification's deliveries tell of it. With `Idempotency-Key` a repeated request sends nothing and tells
/// what has come of it by now, for 24 hours.
#[utoipa::path(
    post,
    path = "/api/send-push-notification",
    tag = "sending",
    params(("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 255 characters: the same request under it is sent once in 24 hours")),
    request_body = PushBody,
    responses(
        (status = 200, body = PushAnswer, headers(
            ("Idempotency-Replayed" = String, description = "`true` if this is about an earlier request"),
        )),
        (status = 400, body = ProblemDocument, description = "INVALID_JSON, or VALIDATION_FAILED, each field named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role notify:send"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 415, body = ProblemDocument, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 422, body = ProblemDocument, description = "IDEMPOTENCY_KEY_REUSED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn send_push_notification(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    api.sender(&admitted.caller)?;
    let (headers, body) = read_json(request, api.body).await?;
    let push = SendPush::from_json(&body).map_err(|error| notification_problem(error.into(), MISSING))?;
    let named = named(&headers, admitted.caller.identity.user, "POST /api/send-push-notification", &body)?;
    let operations = api.operations.clone();
    let send = async move { operations.send_push(push, named.as_ref()).await };
    let summary = api.change(MISSING, PUSH_WAIT_MAX, send).await?;
    let replayed = summary.replayed;
    Ok(answered(reply::json(StatusCode::OK, &PushAnswer::from(summary)), replayed))
}
