//! JSON bodies: the content type, the length, the time, and errors that name the field.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::code::Code;
use super::problem::Problem;

/// What a body may weigh and how long it may take to arrive. A route sets it with `axum::Extension(BodyLimit)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit {
    /// Bytes, at most.
    pub bytes: usize,
    /// From the first to the last byte.
    pub timeout: Duration,
}

impl BodyLimit {
    /// The limit of a route that sets none.
    pub const DEFAULT: BodyLimit = BodyLimit { bytes: 64 * 1024, timeout: Duration::from_secs(10) };
}

/// A parsed JSON body with its bytes, which an idempotency key is bound to.
#[derive(Debug, Clone)]
pub struct JsonBody<T> {
    /// The parsed value.
    pub value: T,
    /// The body as it came.
    pub bytes: Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let limit = request.extensions().get::<BodyLimit>().copied().unwrap_or(BodyLimit::DEFAULT);
        require_json(request.headers())?;
        let bytes = read_body(request, limit).await?;
        let value = parse_json(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// Accepts `application/json` and `application/merge-patch+json`.
///
/// # Errors
/// 415 for anything else, and for none.
pub fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = given.split(';').next().unwrap_or("").trim();
    let accepted = ["application/json", "application/merge-patch+json"];
    if accepted.iter().any(|name| name.eq_ignore_ascii_case(essence)) {
        return Ok(());
    }
    let detail = if given.is_empty() {
        "the request has no Content-Type; send application/json".to_owned()
    } else {
        "send the body with Content-Type: application/json".to_owned()
    };
    Err(Problem::new(Code::UnsupportedMediaType).detail(detail))
}

/// Reads a body up to its limit. A longer one is refused by its `Content-Length`, before a byte of it is read.
///
/// # Errors
/// 413 when it is longer, 408 when it comes too slowly, 400 when the connection breaks.
pub async fn read_body(request: Request, limit: BodyLimit) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge).detail(format!("at most {} bytes", limit.bytes));
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit.bytes as u64) {
        return Err(too_large());
    }
    let body = Limited::new(request.into_body(), limit.bytes).collect();
    match tokio::time::timeout(limit.timeout, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(Code::InvalidJson).detail(format!("the body broke off: {error}"))),
        Err(_) => Err(Problem::new(Code::RequestTimeout)),
    }
}

/// Parses JSON; the error names the field where there is one.
///
/// # Errors
/// `INVALID_JSON` for what is not JSON, `VALIDATION_FAILED` for what is, but does not fit.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| problem_of(&error))?;
    parser.end().map_err(|error| broken(&error))?;
    Ok(value)
}

fn problem_of(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    let message = without_position(inner);
    let out_of_range = message == "number out of range";
    if !inner.is_data() && !out_of_range {
        return broken(inner);
    }
    let path = error.path().to_string();
    let parent = if path == "." { String::new() } else { path };
    let field = match quoted_after(&message, "missing field ") {
        Some(missing) if parent.is_empty() => missing.to_owned(),
        Some(missing) => format!("{parent}.{missing}"),
        None => parent,
    };
    let field = if field.is_empty() { "body".to_owned() } else { field };
    Problem::invalid_field(field, message)
}

fn broken(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    Problem::new(Code::InvalidJson).detail(format!("line {line}, column {column}: {}", without_position(error)))
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.strip_prefix('`')?.strip_suffix('`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Item {
        demand: f64,
        unit_id: Option<uuid::Uuid>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Batch {
        items: Vec<Item>,
    }

    fn refused(body: &str) -> (Code, String) {
        let problem = parse_json::<Batch>(body.as_bytes()).unwrap_err();
        (problem.code(), problem.details().first().map(|detail| detail.field.clone()).unwrap_or_default())
    }

    #[test]
    fn errors_name_the_field() {
        let cases = [
            (r#"{"items":[{"demand":1},{"demand":"x"}]}"#, "items[1].demand"),
            (r#"{"items":[{}]}"#, "items[0].demand"),
            (r#"{}"#, "items"),
            (r#"{"items":[{"demand":1,"unitId":"nope"}]}"#, "items[0].unitId"),
            (r#"{"items":[{"demand":1e999}]}"#, "items[0].demand"),
            (r#"{"items":[{"demand":null}]}"#, "items[0].demand"),
            (r#"{"items":[{"demand":1,"extra":1}]}"#, "items[0].extra"),
            (r#"{"items":[],"notfy":true}"#, "notfy"),
            (r#"[]"#, "body"),
            ("7", "body"),
        ];
        for (body, field) in cases {
            assert_eq!(refused(body), (Code::ValidationFailed, field.to_owned()), "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_said_to_be_so() {
        for body in ["", "{", r#"{"items":[]} x"#, "{'items':[]}", r#"{"items":[{"demand":NaN}]}"#, "\u{feff}{}"] {
            assert_eq!(refused(body).0, Code::InvalidJson, "{body}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse_json::<serde_json::Value>(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_good_body_passes() {
        let batch: Batch = parse_json(br#"{"items":[{"demand":1.5,"unitId":null}]}"#).unwrap();
        assert_eq!((batch.items[0].demand, batch.items[0].unit_id), (1.5, None));
    }

    fn request(content_type: &str, body: impl Into<Body>) -> Request {
        Request::builder().header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap()
    }

    #[tokio::test]
    async fn only_json_is_taken() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(require_json(request(good, "").headers()).is_ok(), "{good}");
        }
        for bad in ["text/plain", "", "application/jsonx", "multipart/form-data; a=application/json"] {
            let refused = require_json(request(bad, "").headers()).unwrap_err();
            assert_eq!(refused.code(), Code::UnsupportedMediaType, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_with_or_without_its_length() {
        let limit = BodyLimit { bytes: 4, ..BodyLimit::DEFAULT };
        assert_eq!(read_body(request("application/json", "1234"), limit).await.unwrap(), "1234");
        assert_eq!(read_body(request("a/b", "12345"), limit).await.unwrap_err().code(), Code::BodyTooLarge);
        let announced = Request::builder().header(header::CONTENT_LENGTH, 5).body(Body::empty()).unwrap();
        assert_eq!(read_body(announced, limit).await.unwrap_err().code(), Code::BodyTooLarge);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_awaited_forever() {
        let limit = BodyLimit { bytes: 4, timeout: Duration::from_millis(5) };
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(read_body(request("a/b", never), limit).await.unwrap_err().code(), Code::RequestTimeout);
    }
}
