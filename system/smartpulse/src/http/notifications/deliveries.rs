//! `GET /api/notifications/{id}/deliveries`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::forecast::Role;
use domain::notification::model::{Delivery, NotificationId};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::NotificationApi;
use super::reply;
use super::schema::DeliveryDocument;
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::params::{parse_id, path_text};
use crate::http::problem::{Problem, ProblemDocument};

/// What became of a notification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deliveries)]
pub(super) struct DeliveriesAnswer {
    /// The notification.
    notification_id: Uuid,
    /// Whose it is.
    user_id: Uuid,
    /// One for each device, and for each of the other channels.
    #[schema(value_type = Vec<DeliveryDocument>)]
    items: Vec<Delivery>,
}

/// What became of a notification
///
/// One entry for each device and each other channel. The caller's own; with the role `notify:send` anybody's.
#[utoipa::path(
    get,
    path = "/api/notifications/{id}/deliveries",
    tag = "sending",
    params(("id" = Uuid, Path, description = "The notification's id (UUID)")),
    responses(
        (status = 200, body = DeliveriesAnswer),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: the id is not a UUID"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 404, body = ProblemDocument, description = "NOTIFICATION_NOT_FOUND"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn notification_deliveries(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = NotificationId(parse_id("id", &path_text("id", id)?)?);
    let caller = &admitted.caller.identity;
    let all = caller.roles.contains(&Role::NotifySend);
    let log = api.look(Code::NotificationNotFound, api.operations.deliveries(id, caller.user, all)).await?;
    let answer = DeliveriesAnswer { notification_id: id.0, user_id: log.user_id.0, items: log.deliveries };
    Ok(reply::json(StatusCode::OK, &answer))
}
