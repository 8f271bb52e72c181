//! `Idempotency-Key` on the send routes. What is kept is which notification a request led to, for 24 hours and for each
//! caller; the answer is made from that each time. So an answer that failed (5xx) is not kept, and what was stored is found.

use axum::response::Response;
use domain::model::UserId;
use domain::notification::operations::NamedRequest;
use http::HeaderMap;

use crate::http::code::Code;
use crate::http::idempotency_key::{idempotency_key, mark_replayed};
use crate::http::problem::Problem;
use crate::http::service_error::notification_problem;

/// The request's name, if it has one.
pub(super) fn named(
    headers: &HeaderMap,
    caller: UserId,
    route: &str,
    body: &[u8],
) -> Result<Option<NamedRequest>, Problem> {
    let key = idempotency_key(headers)?;
    let named = key.map(|key| NamedRequest::new(caller, key, route, body)).transpose();
    named.map_err(|error| notification_problem(error, Code::NotificationNotFound))
}

/// The answer, marked if the request was answered before.
pub(super) fn answered(mut response: Response, replayed: bool) -> Response {
    if replayed {
        mark_replayed(response.headers_mut());
    }
    response
}
