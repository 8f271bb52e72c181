//! `GET /api/forecasts/changes`.

use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream;
use http::HeaderMap;

use super::event::ChangeData;
use super::place::Place;
use super::stream::{ChangeStream, Resume};
use super::vigil::Vigil;
use super::wire::{LAST_EVENT_ID, event_stream};
use crate::http::code::Code;
use crate::http::forecasts::ForecastApi;
use crate::http::problem::{Problem, ProblemDocument};

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
    let hub = api.streams();
    let caller = hub.base.admitted(api.keeper(), &request).await?.caller;
    let Some(follower) = &hub.ports.follower else {
        let detail = "this instance follows no changes (cache.freshness)";
        return Err(Problem::new(Code::Unavailable).detail(detail));
    };
    let resume = resume(&request.headers);
    let vigil = Vigil::begin(&hub.base, caller)?;
    let stream = ChangeStream::open(api.service().clone(), hub, follower.clone(), resume, vigil).await;
    Ok(event_stream(stream::unfold(stream, |mut stream| async move { Some((stream.next().await?, stream)) })))
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
