//! The header `Idempotency-Key`: a caller's name for a request.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The request's name, if it has one. What a name may look like, the use cases say.
///
/// # Errors
/// `VALIDATION_FAILED`, if it is given twice or is no text.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(given) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Problem::invalid_field("Idempotency-Key", "must be given once"));
    }
    let key = given.to_str().map_err(|_| Problem::invalid_field("Idempotency-Key", "must be printable ASCII"))?;
    Ok(Some(key))
}

/// Says of an answer that it is that to an earlier request.
pub fn mark_replayed(headers: &mut HeaderMap) {
    headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
}
