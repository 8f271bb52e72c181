//! Errors on the wire: RFC 9457 problem documents with the specified members `error` and `code`.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::code::Code;

/// The media type of every error.
pub const CONTENT_TYPE: &str = "application/problem+json";
const TYPE_PREFIX: &str = "urn:smartpulse:problem:";

/// One value that is not allowed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The path of the field (`items[3].demand`), the query parameter or the header.
    pub field: String,
    /// What is wrong with it, for a human.
    pub message: String,
}

impl FieldError {
    /// A field and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// An error answer. Build it from a [`Code`], add what this occurrence has to say.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    details: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

/// The body of an error answer (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// `urn:smartpulse:problem:<code>`.
    r#type: String,
    /// The same for every occurrence of the code.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is particular about this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'a str>,
    /// The same as `title`.
    error: &'a str,
    /// One of a closed list.
    code: &'a str,
    /// Each invalid value.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    details: &'a [FieldError],
    /// The request, for an internal error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
}

/// Left in the extensions of an internal error's response, so that the [edge](super::edge) can log the cause and write
/// the request id into the body, which the handler does not know.
#[derive(Debug, Clone)]
pub(crate) struct InternalCause(pub(crate) String);

impl Problem {
    /// A problem that says no more than its code.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, details: Vec::new(), headers: Vec::new(), cause: None }
    }

    /// Invalid values, each named. Without any, the answer would help nobody: give at least one.
    pub fn invalid(details: Vec<FieldError>) -> Self {
        let mut problem = Self::new(Code::ValidationFailed);
        problem.detail = details.first().map(|first| format!("{}: {}", first.field, first.message));
        problem.details = details;
        problem
    }

    /// One invalid value.
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// A defect of ours. The cause goes to the log; the client sees the request id and nothing else.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut problem = Self::new(Code::Internal);
        problem.cause = Some(cause.to_string());
        problem
    }

    /// What is particular about this occurrence. An internal error ignores it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// A header that goes with the answer (`Location`, `ETag`).
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// When to come back, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The invalid values.
    pub fn details(&self) -> &[FieldError] {
        &self.details
    }

    /// The body, with the request id when it is known.
    pub(crate) fn body(&self, request_id: Option<&str>) -> Vec<u8> {
        let internal = self.code == Code::Internal;
        let document = ProblemDocument {
            r#type: format!("{TYPE_PREFIX}{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.as_deref().filter(|_| !internal),
            error: self.code.title(),
            code: self.code.as_str(),
            details: if internal { &[] } else { &self.details },
            request_id,
        };
        // Strings and integers always serialise; an empty body beats a second error path.
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body(None)));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        if self.code == Code::Internal {
            let cause = self.cause.unwrap_or_else(|| "no cause given".to_owned());
            response.extensions_mut().insert(InternalCause(cause));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document(problem: &Problem, id: Option<&str>) -> Value {
        serde_json::from_slice(&problem.body(id)).unwrap()
    }

    #[test]
    fn a_problem_has_the_members_of_both_standards() {
        let problem = Problem::new(Code::ForecastNotFound).detail("no forecast 7 for this caller");
        assert_eq!(
            document(&problem, None),
            json!({
                "type": "urn:smartpulse:problem:FORECAST_NOT_FOUND",
                "title": "Forecast not found",
                "status": 404,
                "detail": "no forecast 7 for this caller",
                "error": "Forecast not found",
                "code": "FORECAST_NOT_FOUND",
            })
        );
    }

    #[test]
    fn invalid_values_are_named() {
        let problem =
            Problem::invalid(vec![FieldError::new("take", "at most 100"), FieldError::new("skip", "a number")]);
        let document = document(&problem, None);
        assert_eq!(document["details"][1], json!({"field": "skip", "message": "a number"}));
        assert_eq!(document["detail"], "take: at most 100");
    }

    #[test]
    fn an_internal_error_shows_the_request_id_and_nothing_else() {
        let problem = Problem::internal("password is hunter2").detail("table secrets");
        let text = String::from_utf8(problem.body(Some("a-1"))).unwrap();
        assert!(text.contains(r#""requestId":"a-1""#), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("secrets"), "{text}");
    }

    #[test]
    fn retry_after_is_rounded_up() {
        let seconds = |after| {
            let response = Problem::new(Code::RateLimited).retry_after(after).into_response();
            response.headers()[header::RETRY_AFTER].to_str().unwrap().to_owned()
        };
        assert_eq!(seconds(Duration::from_millis(1)), "1");
        assert_eq!(seconds(Duration::from_millis(1001)), "2");
        assert_eq!(seconds(Duration::from_secs(3)), "3");
    }
}
