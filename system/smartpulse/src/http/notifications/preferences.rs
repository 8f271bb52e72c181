//! `GET|PUT /api/notification-preferences`.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::forecast::Caller;
use domain::notification::model::{Preference, SetPreferences};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::NotificationApi;
use super::reply;
use super::schema::{PreferenceBody, PreferencesBody};
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::extract::read_json;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;

/// There is always a list, perhaps an empty one.
const MISSING: Code = Code::NotificationNotFound;

/// The caller's wishes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Preferences {
    /// Ordered by company and unit; that for the whole company first.
    #[schema(value_type = Vec<PreferenceBody>)]
    items: Vec<Preference>,
}

/// What the caller wants to be told of, and how
///
/// Without any, whoever makes a forecast is told of its completion over all channels.
#[utoipa::path(
    get,
    path = "/api/notification-preferences",
    tag = "preferences",
    responses(
        (status = 200, body = Preferences),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_preferences(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
) -> Result<Response, Problem> {
    let items = api.look(MISSING, api.registry.preferences(admitted.caller.identity.user)).await?;
    Ok(reply::json(StatusCode::OK, &Preferences { items }))
}

/// Sets what the caller wants to be told of, and how
///
/// All of it: what is not named is no wish any more. A wish for a unit goes before that for its whole company. A company
/// must be one of the token's: who may not see its forecasts is not told of them either.
#[utoipa::path(
    put,
    path = "/api/notification-preferences",
    tag = "preferences",
    request_body = PreferencesBody,
    responses(
        (status = 200, body = Preferences),
        (status = 400, body = ProblemDocument, description = "INVALID_JSON, or VALIDATION_FAILED, each field named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: a company that is not the token's"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 415, body = ProblemDocument, description = "UNSUPPORTED_MEDIA_TYPE"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn set_preferences(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let (_, body) = read_json(request, api.body).await?;
    let wishes = SetPreferences::from_json(&body).map_err(|error| notification_problem(error.into(), MISSING))?;
    check_companies(&admitted.caller.identity, &wishes)?;
    let mut items = wishes.0.clone();
    // As they will be read.
    items.sort();
    let (registry, user) = (api.registry.clone(), admitted.caller.identity.user);
    api.change(MISSING, Duration::ZERO, async move { registry.set_preferences(user, wishes).await }).await?;
    Ok(reply::json(StatusCode::OK, &Preferences { items }))
}

fn check_companies(caller: &Caller, wishes: &SetPreferences) -> Result<(), Problem> {
    match wishes.0.iter().position(|wish| !caller.sees(wish.company_id)) {
        None => Ok(()),
        Some(at) => {
            let detail = format!("items[{at}].companyId is not a company of the token");
            Err(Problem::new(Code::Forbidden).detail(detail))
        }
    }
}
