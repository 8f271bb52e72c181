//! `GET /api/forecasts/changes`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::event::ChangeData;
use super::place::Place;
use super::stream::{ChangeStream, Resume};
use crate::auth::{AuthError, Caller, TicketHash};
use crate::http::admission::Admitted;
use crate::http::code::Code;
use crate::http::forecasts::ForecastApi;
use crate::http::params::query_pairs;
use crate::http::problem::{Problem, ProblemDocument};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A proxy that collected the events would deliver none (nginx's name for it).
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The parameter that carries a ticket.
const TICKET: &str = "ticket";

/// What changes, as it changes
///
/// Server-Sent Events. `event: change` has a `ForecastChange` as its data, for each change of a forecast of the token's
/// companies, once it is applied to this instance's caches: a read afterwards shows it. `event: reset` says that something
/// may have been missed, or cannot be told: load anew. `event: expired` is the last event, when the token ends. The `id` is
/// the place in the stream; with `Last-Event-ID` (a browser sends it by itself) the stream goes on from there, or resets if
/// that is too long ago. A comment comes at least every 15 seconds. A browser uses a ticket of `POST /api/stream-ticket`.
#[utoipa::path(
    get,
    path = "/api/forecasts/changes",
    tag = "streams",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after the event with this id"),
        ("ticket" = Option<String>, Query, description = "A ticket, in place of the token"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = ChangeData, headers(
            ("Cache-Control" = String, description = "no-store"),
            ("X-Accel-Buffering" = String, description = "no"),
        )),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: a parameter that is not known"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED, or too many open streams of this subject"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED: too many open streams; UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn forecast_changes(State(api): State<ForecastApi>, request: Request) -> Result<Response, Problem> {
    // A reference to a body cannot be held over a wait.
    let (request, _) = request.into_parts();
    let caller = admitted(&api, &request).await?.caller;
    let hub = api.streams();
    let Some(follower) = &hub.ports.follower else {
        let detail = "this instance follows no changes (cache.freshness)";
        return Err(Problem::new(Code::Unavailable).detail(detail));
    };
    let resume = resume(&request.headers);
    let slot = hub.slots.take(caller.identity.user.0)?;
    let stream = ChangeStream::open(api.service().clone(), hub, follower.clone(), caller, resume, slot).await;
    let body = stream::unfold(stream, |mut stream| async move {
        let chunk = stream.next().await?;
        Some((Ok::<_, Infallible>(chunk), stream))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// The caller, by a token or, without one, by a ticket.
async fn admitted(api: &ForecastApi, request: &Parts) -> Result<Admitted, Problem> {
    let mut ticket = None;
    for (name, value) in query_pairs(&request.uri)? {
        if name != TICKET || ticket.is_some() {
            return Err(Problem::invalid_field(name, "there is only `ticket`, once"));
        }
        ticket = Some(value);
    }
    let keeper = api.keeper();
    let caller: Arc<Caller> = match ticket.filter(|_| !request.headers.contains_key(header::AUTHORIZATION)) {
        None => keeper.verifier.authenticate(&request.headers).await?,
        Some(ticket) => {
            let hash = TicketHash::of(&ticket).ok_or(AuthError::Ticket)?;
            api.streams().ports.tickets.take(hash).await.ok_or(AuthError::Ticket)?
        }
    };
    keeper.admit(caller)
}

/// From where a client wants to go on. What is no place of ours is one that is out of reach.
fn resume(headers: &HeaderMap) -> Resume {
    match headers.get(LAST_EVENT_ID) {
        None => Resume::FromNow,
        Some(given) => {
            let place = given.to_str().ok().and_then(|text| text.parse().ok());
            Resume::After(place.unwrap_or(Place::NONE))
        }
    }
}
