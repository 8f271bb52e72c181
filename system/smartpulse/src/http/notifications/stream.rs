//! `GET /api/notifications/stream`: the caller's inbox, live.

use std::collections::VecDeque;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use domain::notification::live::{LiveEvent, LiveStream};
use domain::notification::model::InboxPosition;
use futures_util::stream;
use http::HeaderMap;

use super::api::NotificationApi;
use super::read::UnreadCount;
use super::schema::NotificationDocument;
use crate::http::code::Code;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;
use crate::http::streams::{
    LAST_EVENT_ID, StreamBase, Turn, Vigil, event, event_stream, expired, heartbeat, opening, reset,
};

/// Ahead of all positions: whoever comes back with it is told to load anew.
const NO_POSITION: InboxPosition = InboxPosition(i64::MAX as u64);

/// The caller's inbox, as it changes
///
/// Server-Sent Events. `event: notification` has a `Notification` as its data, for each that is new or was read, as it is
/// now. `event: unread` has an `UnreadCount`: first of all, and whenever it changed. `event: reset` says that the place
/// which the client came with means nothing here: load the list anew. `event: expired` is the last event, when the token
/// ends. The `id` is a place in what happens in this inbox, the same on every instance; with `Last-Event-ID` (a browser
/// sends it by itself) the stream tells all that happened since. A comment comes at least every 15 seconds. A browser uses
/// a ticket of `POST /api/stream-ticket`.
#[utoipa::path(
    get,
    path = "/api/notifications/stream",
    tag = "inbox",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after the event with this id"),
        ("ticket" = Option<String>, Query, description = "A ticket, in place of the token"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = NotificationDocument, headers(
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
pub(super) async fn notification_stream(
    State(NotificationApi(api)): State<NotificationApi>,
    request: Request,
) -> Result<Response, Problem> {
    // A reference to a body cannot be held over a wait.
    let (request, _) = request.into_parts();
    let caller = api.streams.admitted(&api.keeper, &request).await?.caller;
    let (user, after) = (caller.identity.user, resume(&request.headers));
    let vigil = Vigil::begin(&api.streams, caller)?;
    let live = api.manager.stream(user, after);
    let live = live.map_err(|error| notification_problem(error, Code::NotificationNotFound))?;
    let stream = InboxStream::open(&api.streams, live, vigil, after.filter(|after| *after != NO_POSITION));
    Ok(event_stream(stream::unfold(stream, |mut stream| async move { Some((stream.next().await?, stream)) })))
}

/// From where a client wants to go on. What is no place of ours is one that is ahead of all.
fn resume(headers: &HeaderMap) -> Option<InboxPosition> {
    let given = headers.get(LAST_EVENT_ID)?.to_str().ok();
    // As it is written, and in no other way: no sign, no leading zero.
    let position = given.and_then(|text| text.parse::<InboxPosition>().ok().filter(|at| at.to_string() == text));
    Some(position.unwrap_or(NO_POSITION).min(NO_POSITION))
}

/// One open stream: the pieces of its body.
struct InboxStream {
    base: StreamBase,
    live: LiveStream,
    vigil: Vigil,
    /// Up to where the client knows all.
    at: Option<InboxPosition>,
    waiting: VecDeque<Bytes>,
    ended: bool,
}

impl InboxStream {
    fn open(base: &StreamBase, live: LiveStream, vigil: Vigil, at: Option<InboxPosition>) -> Self {
        let waiting = VecDeque::from([opening(base.retry(), at)]);
        Self { base: base.clone(), live, vigil, at, waiting, ended: false }
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                self.vigil.sent();
                return Some(piece);
            }
            if self.ended {
                return None;
            }
            let piece = tokio::select! {
                biased;
                turn = self.vigil.turn() => self.on_turn(turn),
                told = self.live.next() => self.on_told(told),
            };
            self.waiting.push_back(piece);
        }
    }

    fn on_turn(&mut self, turn: Turn) -> Bytes {
        self.ended = matches!(turn, Turn::Closing | Turn::Expired);
        match turn {
            Turn::Closing => opening(self.base.retry(), self.at),
            Turn::Expired => expired(),
            Turn::Beat => heartbeat(None::<InboxPosition>),
        }
    }

    fn on_told(&mut self, told: LiveEvent) -> Bytes {
        let (position, piece) = match told {
            LiveEvent::Notification { position, notification } => {
                (position, event(position, "notification", &notification))
            }
            LiveEvent::Unread { position, unread } => (position, event(position, "unread", &UnreadCount { unread })),
            LiveEvent::Reset { position } => (position, reset(position)),
        };
        self.at = Some(position);
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn place(text: &str) -> Option<InboxPosition> {
        resume(&HeaderMap::from_iter([(LAST_EVENT_ID, HeaderValue::from_str(text).unwrap())]))
    }

    #[test]
    fn what_is_no_place_is_ahead_of_all() {
        assert_eq!(resume(&HeaderMap::new()), None);
        for bad in ["", "x", "-1", "+1", "01", " 1", "1.0", "18446744073709551616", "18446744073709551615"] {
            assert_eq!(place(bad), Some(NO_POSITION), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_place_is_read_as_it_is_written(at in 0..i64::MAX as u64) {
            prop_assert_eq!(place(&InboxPosition(at).to_string()), Some(InboxPosition(at)));
        }
    }
}
