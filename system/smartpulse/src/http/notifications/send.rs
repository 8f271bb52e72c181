//! `POST /api/notifications`.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::notification::model::SendNotification;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::NotificationApi;
use super::enclosed::Read;
use super::named::{answered, named};
use super::reply;
use super::schema::SendBody;
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;

const MISSING: Code = Code::NotificationNotFound;

/// A message was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SentAnswer {
    /// The notification.
    id: Uuid,
}

/// A message to a user
///
/// Over one or several channels. When it is answered, the message is stored and each channel will have it; what became of
/// it tells `Location`. Files go with the mail: at most 5, and 10 MiB together; a body of more than 64 KiB needs its
/// `Content-Length`. With `Idempotency-Key` a repeated request sends nothing and gets the same answer, for 24 hours.
#[utoipa::path(
    post,
    path = "/api/notifications",
    tag = "sending",
    params(("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this request, 1 to 255 characters: the same request under it is sent once in 24 hours")),
    request_body = SendBody,
    responses(
        (status = 202, body = SentAnswer, headers(
            ("Location" = String, description = "Where its deliveries are"),
            ("Idempotency-Replayed" = String, description = "`true` if this is the answer to an earlier request"),
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
pub(super) async fn send_notification(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    api.sender(&admitted.caller)?;
    let Read { headers, body, room } = api.enclosed.read(request).await?;
    let message = SendNotification::from_json(&body).map_err(|error| notification_problem(error.into(), MISSING))?;
    let named = named(&headers, admitted.caller.identity.user, "POST /api/notifications", &body)?;
    let operations = api.operations.clone();
    let send = async move {
        let sent = operations.send(message.into(), named.as_ref()).await;
        drop(room);
        sent
    };
    let sent = api.change(MISSING, send).await?;
    let mut response = reply::json(StatusCode::ACCEPTED, &SentAnswer { id: sent.id.0 });
    let location = format!("/api/notifications/{}/deliveries", sent.id);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answered(response, sent.replayed))
}
