//! `GET /api/notifications`.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::notification::model::{InboxCursor, InboxParams, Notification};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::NotificationApi;
use super::reply;
use super::schema::NotificationDocument;
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::params::query_pairs;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;

/// A page of the caller's notifications.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NotificationPage {
    /// How many there are, on all pages.
    total: u64,
    /// The page.
    #[schema(value_type = Vec<NotificationDocument>)]
    items: Vec<Notification>,
    /// The cursor of the next page; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// The caller's notifications, newest first
///
/// Pages by `skip` and `take`, or by the `cursor` that the page before gave as `next`: a cursor neither repeats nor leaves
/// out what was there all the time, whatever comes meanwhile.
#[utoipa::path(
    get,
    path = "/api/notifications",
    tag = "inbox",
    params(
        ("skip" = Option<u32>, Query, description = "Leave out this many, at most 100,000 (default 0)"),
        ("take" = Option<u32>, Query, description = "At most this many, 1 to 100 (default 20)"),
        ("cursor" = Option<String>, Query, description = "Go on after the page that gave this as `next`; not with `skip`"),
    ),
    responses(
        (status = 200, body = NotificationPage),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED, each parameter named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_notifications(
    State(NotificationApi(api)): State<NotificationApi>,
    admitted: Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let missing = Code::NotificationNotFound;
    let params = InboxParams::from_query(query_pairs(request.uri())?);
    let params = params.map_err(|error| notification_problem(error.into(), missing))?;
    if params.take > api.page_max {
        return Err(Problem::invalid_field("take", format!("must be at most {}", api.page_max)));
    }
    let user = admitted.caller.identity.user;
    let page = api.look(missing, api.manager.list(user, params.start, params.take)).await?;
    let next = page.items.last().filter(|_| page.more).map(|last| InboxCursor::of(last).to_string());
    Ok(reply::json(StatusCode::OK, &NotificationPage { total: page.total, items: page.items, next }))
}
