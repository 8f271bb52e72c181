//! Server-Sent Events on the wire, the same for all streams.

use std::convert::Infallible;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;

/// Where a client that comes back was.
pub(in crate::http) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A proxy that collected the events would deliver none (nginx's name for it).
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The answer whose body is these pieces.
pub(in crate::http) fn event_stream(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let mut response = Response::new(Body::from_stream(pieces.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// An event at its place.
pub(in crate::http) fn event(place: impl Display, name: &str, data: &impl Serialize) -> Bytes {
    // Our own data always serialises; JSON has no line break in it.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("id: {place}\nevent: {name}\ndata: {data}\n\n").into()
}

/// `event: reset`: what was heard may have holes, load anew.
pub(in crate::http) fn reset(place: impl Display) -> Bytes {
    format!("id: {place}\nevent: reset\ndata: {{}}\n\n").into()
}

/// `event: expired`: the token's time is over.
pub(in crate::http) fn expired() -> Bytes {
    Bytes::from_static(b"event: expired\ndata: {}\n\n")
}

/// How long to wait before coming again, and the place from where the stream goes on. Also the last piece of a stream
/// that its instance ends.
pub(in crate::http) fn opening(retry: Duration, place: Option<impl Display>) -> Bytes {
    let mut text = format!("retry: {}\n", retry.as_millis());
    if let Some(place) = place {
        // Without data it is no event, but the client remembers it.
        let _ = writeln!(text, "id: {place}");
    }
    text.push('\n');
    text.into()
}

/// A comment that keeps the stream open, and the place that the client may forget everything before.
pub(in crate::http) fn heartbeat(place: Option<impl Display>) -> Bytes {
    match place {
        Some(place) => format!(": heartbeat\nid: {place}\n\n").into(),
        None => Bytes::from_static(b": heartbeat\n\n"),
    }
}
