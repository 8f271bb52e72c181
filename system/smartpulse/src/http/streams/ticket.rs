//! `POST /api/stream-ticket`, for whatever streams an address has.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use coherence::Timestamp;
use http::header;
use serde::Serialize;
use utoipa::ToSchema;

use super::base::StreamBase;
use crate::auth::{TicketError, new_ticket};
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::problem::{Problem, ProblemDocument};

/// A ticket for one event stream.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamTicket {
    /// Send it as `?ticket=`.
    ticket: String,
    /// When it expires, if it is not used.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<TicketError> for Problem {
    fn from(error: TicketError) -> Self {
        let code = match error {
            TicketError::TooMany => Code::RateLimited,
            TicketError::Full => Code::Overloaded,
            TicketError::Unavailable => Code::Unavailable,
        };
        Problem::new(code).detail(error.to_string()).retry_after(std::time::Duration::from_secs(5))
    }
}

/// A ticket for an event stream
///
/// A browser's `EventSource` sends no `Authorization` header. The ticket takes its place, as `?ticket=`, for one stream
/// within 30 seconds; the stream may see what the token of this request may, and ends when it does.
#[utoipa::path(
    post,
    path = "/api/stream-ticket",
    tag = "streams",
    responses(
        (status = 200, body = StreamTicket),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED, or too many unused tickets"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED; UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn stream_ticket(State(base): State<StreamBase>, admitted: Admitted) -> Result<Response, Problem> {
    let made = new_ticket(&*base.rng).ok_or_else(|| Problem::internal("no ticket could be made"))?;
    let (ticket, hash) = made;
    let life = base.settings.ticket_life;
    let now = base.clock.now();
    base.tickets.keep(hash, Arc::clone(&admitted.caller), life).await?;
    let expires_at = now.checked_add(life).unwrap_or(now);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(StreamTicket { ticket, expires_at })).into_response())
}
