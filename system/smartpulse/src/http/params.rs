//! Path and query parameters, with errors that name the parameter.

use axum::extract::{FromRequestParts, Query};
use http::Uri;
use http::request::Parts;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::code::Code;
use super::problem::Problem;

/// The query of a request. Unlike axum's own, its rejection is a [`Problem`] that names the parameter.
#[derive(Debug, Clone)]
pub struct QueryParams<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parse_query(&parts.uri).map(Self)
    }
}

/// Parses a query.
///
/// # Errors
/// `VALIDATION_FAILED` naming the parameter.
pub fn parse_query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    Query::try_from_uri(uri).map(|Query(value)| value).map_err(|rejection| {
        let text = rejection.body_text();
        let reason = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
        // A parameter's own error reads `take: invalid digit`; one about the whole names it in backticks.
        let (field, message) = match reason.split_once(": ") {
            Some((field, message)) if !field.contains(' ') => (field, message),
            _ => (reason.split('`').nth(1).unwrap_or("query"), reason),
        };
        Problem::invalid_field(field, message)
    })
}

/// An id in a path.
///
/// # Errors
/// `VALIDATION_FAILED` naming `field` when it is not a UUID.
pub fn parse_id(field: &str, text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::invalid_field(field, "must be a UUID"))
}

/// The fallback of a router.
pub async fn route_not_found() -> Problem {
    Problem::new(Code::RouteNotFound).detail("the routes are listed in /openapi.json")
}

/// The fallback of a route for the methods it does not have; the router adds `Allow`.
pub async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        #[serde(default)]
        take: u32,
        unit: Option<Uuid>,
    }

    #[test]
    fn errors_name_the_parameter() {
        let field = |query: &str| {
            let uri = format!("/x?{query}").parse().unwrap();
            parse_query::<Page>(&uri).unwrap_err().details()[0].field.clone()
        };
        assert_eq!(field("take=many"), "take");
        assert_eq!(field("take=-1"), "take");
        assert_eq!(field("unit=7"), "unit");
        assert_eq!(field("tke=1"), "tke");
        assert_eq!(field("take=1&take=2"), "take");
    }

    #[test]
    fn a_good_query_passes() {
        let page: Page = parse_query(&Uri::from_static("/x?take=7")).unwrap();
        assert_eq!((page.take, page.unit), (7, None));
        assert!(parse_id("id", "7").is_err());
        assert!(parse_id("id", "00000000-0000-4000-8000-000000000001").is_ok());
    }
}
