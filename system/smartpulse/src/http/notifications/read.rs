//! `PUT /api/notifications/{id}/read`, `POST /api/notifications/read-all`, `GET /api/notifications/unread-count`.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use domain::notification::model::{NotificationId, ReadAll};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::api::NotificationApi;
use super::reply;
use super::schema::ReadAllBody;
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::extract::{read_body, require_json};
use crate::http::params::{parse_id, path_text};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;

const MISSING: Code = Code::NotificationNotFound;

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Success {
    /// Always true.
    success: bool,
}

/// How many were marked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadCount {
    /// How many are read now that were not before.
    read: u64,
}

/// How many are not read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnreadCount {
    /// How many.
    pub(super) unread: u64,
}

/// Marks a notification as read
///
/// Marking it again changes nothing: the first time counts. Another user's notification does not exist for the caller.
#[utoipa::path(
    put,
    path = "/api/notifications/{id}/read",
    tag = "inbox",
    params(("id" = Uuid, Path, description = "The notification's id (UUID)")),
    responses(
        (status = 200, body = Success),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: the id is not a UUID"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 404, body = ProblemDocument, description = "NOTIFICATION_NOT_FOUND"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn read_notification(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = NotificationId(parse_id("id", &path_text("id", id)?)?);
    let (manager, user) = (api.manager.clone(), admitted.caller.identity.user);
    api.change(MISSING, Duration::ZERO, async move { manager.read(user, id).await }).await?;
    Ok(reply::json(StatusCode::OK, &Success { success: true }))
}

/// Marks all of the caller's notifications as read
///
/// Those that were stored up to `until`, or up to now: what comes while it runs stays unread. The body may be left out.
#[utoipa::path(
    post,
    path = "/api/notifications/read-all",
    tag = "inbox",
    request_body = Option<ReadAllBody>,
    responses(
        (status = 200, body = ReadCount),
        (status = 400, body = ProblemDocument, description = "INVALID_JSON, or VALIDATION_FAILED, each field named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 415, body = ProblemDocument, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn read_all_notifications(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let body = read_body(request, api.body).await?;
    // A client that sends nothing need not say of what kind nothing is.
    if !body.is_empty() || headers.contains_key(header::CONTENT_TYPE) {
        require_json(&headers)?;
    }
    let ReadAll { until } = ReadAll::from_json(&body).map_err(|error| notification_problem(error.into(), MISSING))?;
    let (manager, user) = (api.manager.clone(), admitted.caller.identity.user);
    let read = api.change(MISSING, Duration::ZERO, async move { manager.read_all(user, until).await }).await?;
    Ok(reply::json(StatusCode::OK, &ReadCount { read }))
}

/// How many of the caller's notifications are not read
///
/// Of all that the inbox holds. An open stream tells it whenever it changes.
#[utoipa::path(
    get,
    path = "/api/notifications/unread-count",
    tag = "inbox",
    responses(
        (status = 200, body = UnreadCount),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn unread_count(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
) -> Result<Response, Problem> {
    let unread = api.look(MISSING, api.manager.unread_count(admitted.caller.identity.user)).await?;
    Ok(reply::json(StatusCode::OK, &UnreadCount { unread }))
}
