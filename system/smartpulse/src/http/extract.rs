//! JSON bodies: the content type, the length, the time.

use std::time::Duration;

use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::code::Code;
use super::problem::Problem;

/// What a body may weigh and how long it may take to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit {
    /// Bytes, at most.
    pub bytes: usize,
    /// From the first to the last byte.
    pub timeout: Duration,
}

/// The headers and the body of a JSON request. The domain parses the body, so that it can name every field that is wrong.
///
/// # Errors
/// Those of [`require_json`] and [`read_body`].
pub async fn read_json(request: Request, limit: BodyLimit) -> Result<(HeaderMap, Bytes), Problem> {
    require_json(request.headers())?;
    let headers = request.headers().clone();
    Ok((headers, read_body(request, limit).await?))
}

/// Accepts `application/json` and `application/merge-patch+json`.
///
/// # Errors
/// 415 for anything else, and for none; and for a body that is encoded, which would be read as it is.
pub fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = |value: &http::HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("send the body without a Content-Encoding"));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

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
        let limit = BodyLimit { bytes: 4, timeout: Duration::from_secs(10) };
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
