//! Why a token is refused.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::http::{Code, Problem};

/// Why a token is refused. All of them are 401; the text says which, since none of them tells an attacker anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization` header, or one of another scheme.
    #[error("send Authorization: Bearer <token>")]
    Missing,
    /// More than one `Authorization` header.
    #[error("more than one Authorization header")]
    Ambiguous,
    /// Not a JWT, or one with claims of the wrong form.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// Longer than any token of ours.
    #[error("the token is too long")]
    TooLong,
    /// `alg` is none of those that the key is for.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// No key of that id.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is not valid")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// Another issuer.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// Another audience.
    #[error("the token's audience is not accepted")]
    Audience,
    /// A ticket for a stream that was never given out, was used, or is too old.
    #[error("the ticket is not known, was used, or has expired")]
    Ticket,
}

impl AuthError {
    /// Whether the same token may be accepted later: only one whose time has not come.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, AuthError::NotYet)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let challenge = match error {
            AuthError::Missing => r#"Bearer realm="smartpulse""#,
            _ => r#"Bearer realm="smartpulse", error="invalid_token""#,
        };
        let challenge = HeaderValue::from_static(challenge);
        Problem::new(Code::Unauthorized).detail(error.to_string()).header(header::WWW_AUTHENTICATE, challenge)
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
