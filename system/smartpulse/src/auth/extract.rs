//! The caller as an argument of a handler.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::caller::Caller;
use super::error::AuthError;
use super::verifier::Verifier;

/// The verified caller; a handler that takes it is never called without.
#[derive(Debug, Clone)]
pub struct Authenticated(pub Arc<Caller>);

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    Arc<Verifier>: FromRef<S>,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        Arc::<Verifier>::from_ref(state).authenticate(&parts.headers).await.map(Self)
    }
}
