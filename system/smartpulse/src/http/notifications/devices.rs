//! `POST|GET /api/devices`, `DELETE /api/devices/{id}`.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use coherence::Timestamp;
use domain::notification::model::{Device, DeviceId, IntegrationType, RegisterDevice};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::NotificationApi;
use super::reply;
use super::schema::DeviceBody;
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::extract::read_json;
use crate::http::params::{parse_id, path_text};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;

const MISSING: Code = Code::DeviceNotFound;

/// A device is registered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Registered {
    /// The device.
    id: Uuid,
}

/// A device of the caller's. Its endpoint or token is never shown: whoever knows it can send to it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Device)]
pub(super) struct DeviceDocument {
    /// Its id.
    id: Uuid,
    /// 0: a browser (Web Push); 1: an app (FCM).
    integration_type: u8,
    /// What runs there, as it told.
    #[schema(required)]
    os_version: Option<String>,
    /// The VAPID key that it subscribed with, as it told.
    #[schema(required)]
    vapid_key_id: Option<String>,
    /// When it was registered first.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was registered last.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    /// It is bound to another sender: nothing is sent to it until it subscribes and registers again.
    must_resubscribe: bool,
}

/// The caller's devices.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Devices {
    /// The one registered first first; at most 50.
    items: Vec<DeviceDocument>,
}

impl From<Device> for DeviceDocument {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.0,
            integration_type: match IntegrationType::of(&device.target) {
                IntegrationType::WebPush => 0,
                IntegrationType::Fcm => 1,
            },
            os_version: device.os_version,
            vapid_key_id: device.vapid_key_id,
            created_at: device.created_at,
            last_seen_at: device.last_seen_at,
            must_resubscribe: device.must_resubscribe,
        }
    }
}

/// Registers a device of the caller's
///
/// A browser with its push subscription, or an app with its token. The same endpoint or token is the same device; another
/// user's moves to the caller only with the same keys. The endpoint must be an https URL of a public host.
#[utoipa::path(
    post,
    path = "/api/devices",
    tag = "devices",
    request_body = DeviceBody,
    responses(
        (status = 200, body = Registered, description = "It was registered already, and is renewed"),
        (status = 201, body = Registered),
        (status = 400, body = ProblemDocument, description = "INVALID_JSON, or VALIDATION_FAILED, each field named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 409, body = ProblemDocument, description = "DEVICE_TAKEN or TOO_MANY_DEVICES"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 415, body = ProblemDocument, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn register_device(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let (_, body) = read_json(request, api.body).await?;
    let device = RegisterDevice::from_json(&body).map_err(|error| notification_problem(error.into(), MISSING))?;
    let (registry, user) = (api.registry.clone(), admitted.caller.identity.user);
    let register = async move { registry.register(user, device).await };
    let registered = api.change(MISSING, Duration::ZERO, register).await?;
    let status = if registered.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(reply::json(status, &Registered { id: registered.id.0 }))
}

/// The caller's devices
///
/// Without what could be used to send to them.
#[utoipa::path(
    get,
    path = "/api/devices",
    tag = "devices",
    responses(
        (status = 200, body = Devices),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_devices(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
) -> Result<Response, Problem> {
    let devices = api.look(MISSING, api.registry.devices(admitted.caller.identity.user)).await?;
    Ok(reply::json(StatusCode::OK, &Devices { items: devices.into_iter().map(DeviceDocument::from).collect() }))
}

/// Forgets a device of the caller's
///
/// Nothing more is sent to it.
#[utoipa::path(
    delete,
    path = "/api/devices/{id}",
    tag = "devices",
    params(("id" = Uuid, Path, description = "The device's id (UUID)")),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: the id is not a UUID"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 404, body = ProblemDocument, description = "DEVICE_NOT_FOUND"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn remove_device(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = DeviceId(parse_id("id", &path_text("id", id)?)?);
    let (registry, user) = (api.registry.clone(), admitted.caller.identity.user);
    api.change(MISSING, Duration::ZERO, async move { registry.remove(user, id).await }).await?;
    Ok(reply::empty())
}
