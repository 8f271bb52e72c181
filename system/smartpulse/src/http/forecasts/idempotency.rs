//! `Idempotency-Key`: answers that are kept, and answers that are sent again.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use domain::forecast::IdempotencyRequest;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use crate::http::idempotency_key::{idempotency_key, mark_replayed};
use crate::http::problem::Problem;

/// An answer as it is written to the store and to the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Kept {
    /// The answer.
    pub(super) fn response(self) -> Result<Response, Problem> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).map_err(Problem::internal)?;
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).map_err(Problem::internal)?;
            response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
        }
        Ok(response)
    }

    /// The answer to a repeated request.
    pub(super) fn replay(kept: &[u8]) -> Result<Response, Problem> {
        let kept: Self = serde_json::from_slice(kept).map_err(Problem::internal)?;
        let mut response = kept.response()?;
        mark_replayed(response.headers_mut());
        Ok(response)
    }

    fn to_bytes(&self) -> Bytes {
        // Strings and numbers always serialise; a record that cannot be read again is an internal error at the replay.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// The request's name, if it has one. `answer` makes the answer of a result, the one that is sent now and the one that is
/// kept.
pub(super) fn named<T: 'static>(
    headers: &HeaderMap,
    route: &str,
    body: &[u8],
    answer: fn(&T) -> Kept,
) -> Result<Option<IdempotencyRequest<T>>, Problem> {
    let Some(key) = idempotency_key(headers)? else { return Ok(None) };
    Ok(Some(IdempotencyRequest {
        key: key.to_owned(),
        fingerprint: IdempotencyRequest::<T>::fingerprint(route, body),
        respond: Arc::new(move |result| answer(result).to_bytes()),
    }))
}
