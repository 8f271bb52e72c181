//! `POST /api/deliveries/{id}/resend`, `POST /api/deliveries/resend`.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use domain::notification::model::{DeliveryId, ResendSince};
use domain::ports::Resend;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::NotificationApi;
use super::reply;
use super::schema::ResendBody;
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::extract::read_json;
use crate::http::params::{parse_id, path_text};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;

const MISSING: Code = Code::DeliveryNotFound;

/// How many are sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResentCount {
    /// How many.
    resent: u64,
}

/// Sends a delivery again
///
/// One that failed, or whose fate is unknown. It starts anew, with all its attempts.
#[utoipa::path(
    post,
    path = "/api/deliveries/{id}/resend",
    tag = "sending",
    params(("id" = Uuid, Path, description = "The delivery's id (UUID), as the notification's deliveries name it")),
    responses(
        (status = 200, body = ResentCount),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: the id is not a UUID"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role notify:send"),
        (status = 404, body = ProblemDocument, description = "DELIVERY_NOT_FOUND: none of that id that failed or is unknown"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn resend_delivery(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    api.sender(&admitted.caller)?;
    let id = DeliveryId(parse_id("id", &path_text("id", id)?)?);
    let operations = api.operations.clone();
    let resend = async move { operations.resend(Resend::One(id)).await };
    match api.change(MISSING, Duration::ZERO, resend).await? {
        0 => Err(Problem::new(MISSING).detail("no delivery of that id failed, or is unknown")),
        resent => Ok(reply::json(StatusCode::OK, &ResentCount { resent })),
    }
}

/// Sends again what failed since a time
///
/// For after an outage of a push service or a mail server: all that was given up at that time or later, at most 10,000
/// deliveries; call it again while it answers more than none. Mails whose fate is unknown are sent again singly only.
#[utoipa::path(
    post,
    path = "/api/deliveries/resend",
    tag = "sending",
    request_body = ResendBody,
    responses(
        (status = 200, body = ResentCount),
        (status = 400, body = ProblemDocument, description = "INVALID_JSON, or VALIDATION_FAILED, each field named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role notify:send"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 415, body = ProblemDocument, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn resend_since(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    api.sender(&admitted.caller)?;
    let (_, body) = read_json(request, api.body).await?;
    let ResendSince { since } =
        ResendSince::from_json(&body).map_err(|error| notification_problem(error.into(), MISSING))?;
    let operations = api.operations.clone();
    let resend = async move { operations.resend(Resend::Since(since)).await };
    let resent = api.change(MISSING, Duration::ZERO, resend).await?;
    tracing::info!(user = %admitted.caller.identity.user, %since, resent, "failed deliveries are sent again");
    Ok(reply::json(StatusCode::OK, &ResentCount { resent }))
}
