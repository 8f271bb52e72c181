//! A client of event streams.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use smartpulse::app::Routes;
use tower::ServiceExt;

const HANGS: Duration = Duration::from_secs(20);
pub(crate) const CHANGES: &str = "/api/forecasts/changes";

/// One event, with the last id that was sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Events {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Body,
    text: String,
    /// As a browser keeps it.
    pub(crate) last_id: String,
    pub(crate) comments: usize,
}

impl Events {
    pub(crate) async fn by(router: &Routes, token: &str) -> Self {
        Self::open(router, CHANGES, &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// Goes on after this id.
    pub(crate) async fn after(router: &Routes, token: &str, id: &str) -> Self {
        let bearer = format!("Bearer {token}");
        Self::open(router, CHANGES, &[("authorization", &bearer), ("last-event-id", id)]).await
    }

    pub(crate) async fn open(router: &Routes, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let (status, headers) = (parts.status, parts.headers);
        Self { status, headers, body, text: String::new(), last_id: String::new(), comments: 0 }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())) {
                self.text = rest;
                if let Some(event) = self.read(&block) {
                    return Some(event);
                }
            }
            let frame = tokio::time::timeout(HANGS, self.body.frame()).await.expect("something comes");
            let data = frame?.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// The next event must be this.
    pub(crate) async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await.expect("the stream goes on");
        assert_eq!(event.name, name, "{event:?}");
        event
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let (mut name, mut data) = (String::new(), None);
        for line in block.lines() {
            match line.split_once(": ").expect("every line has a field") {
                ("", _) => self.comments += 1,
                ("id", id) => self.last_id = id.to_owned(),
                ("event", given) => name = given.to_owned(),
                ("data", given) => data = Some(serde_json::from_str(given).unwrap()),
                ("retry", wait) => assert_eq!(wait, "2000"),
                other => panic!("{other:?}"),
            }
        }
        Some(Event { id: self.last_id.clone(), name, data: data? })
    }
}
