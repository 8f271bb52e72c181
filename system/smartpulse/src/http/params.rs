//! Path and query parameters, with errors that name the parameter.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query};
use http::Uri;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::code::Code;
use super::problem::Problem;

/// The parameters of a query, decoded, in their order.
///
/// # Errors
/// `VALIDATION_FAILED` when the query cannot be decoded.
pub fn query_pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    pairs.map(|Query(pairs)| pairs).map_err(|rejection| Problem::invalid_field("query", rejection.body_text()))
}

/// The last segment of a path, as it was sent: an id needs no percent-encoding.
pub fn last_segment(uri: &Uri) -> &str {
    uri.path().rsplit('/').next().unwrap_or_default()
}

/// The text of a path's one parameter.
///
/// # Errors
/// `VALIDATION_FAILED` naming `field` when it cannot be decoded.
pub fn path_text(field: &str, given: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    given.map(|Path(text)| text).map_err(|rejection| Problem::invalid_field(field, rejection.body_text()))
}

/// An id in a path, in its one text form: each forecast has one URL.
///
/// # Errors
/// `VALIDATION_FAILED` naming `field` when it is not a UUID with hyphens.
pub fn parse_id(field: &str, text: &str) -> Result<Uuid, Problem> {
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == Hyphenated::LENGTH => Ok(id),
        _ => Err(Problem::invalid_field(field, "must be a UUID, such as 6f9619ff-8b86-d011-b42d-00c04fc964ff")),
    }
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

    #[test]
    fn pairs_are_decoded_and_keep_their_order() {
        let uri = Uri::from_static("/x?take=7&from=2017-01-01T00%3A00%3A00%2B01:00&take=8&empty=");
        let pairs = query_pairs(&uri).unwrap();
        let expected = [("take", "7"), ("from", "2017-01-01T00:00:00+01:00"), ("take", "8"), ("empty", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(query_pairs(&Uri::from_static("/x")).unwrap(), []);
    }

    #[test]
    fn an_id_is_a_uuid() {
        assert!(parse_id("id", "7").is_err());
        assert!(parse_id("id", "00000000-0000-4000-8000-000000000001").is_ok());
    }
}
