//! `GET /api/push/vapid-public-key`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::NotificationApi;
use super::reply;
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::problem::{Problem, ProblemDocument};

/// What browsers subscribe with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VapidPublicKey<'a> {
    /// The key in base64url: `applicationServerKey` of `PushManager.subscribe()`, and `vapidKeyId` of the device.
    #[schema(value_type = String)]
    public_key: &'a str,
}

/// The key that browsers subscribe with
///
/// `applicationServerKey` of `PushManager.subscribe()`.
#[utoipa::path(
    get,
    path = "/api/push/vapid-public-key",
    tag = "devices",
    responses(
        (status = 200, body = VapidPublicKey),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 404, body = ProblemDocument, description = "PUSH_NOT_CONFIGURED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn vapid_public_key(
    State(NotificationApi(api)): State<NotificationApi>,
    _admitted: Admitted,
) -> Result<Response, Problem> {
    let public_key = api.vapid_public_key.as_deref().ok_or_else(|| Problem::new(Code::PushNotConfigured))?;
    Ok(reply::json(StatusCode::OK, &VapidPublicKey { public_key }))
}
