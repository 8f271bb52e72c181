//! Tokens of our own, for development and small installations.

use domain::model::CompanyId;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use uuid::Uuid;

use super::caller::{Role, Scope};

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The user.
    pub user: Uuid,
    /// The companies.
    pub scope: Scope,
    /// The roles.
    pub roles: Vec<Role>,
    /// From when, in Unix seconds.
    pub issued_at_unix_s: i64,
    /// Until when.
    pub expires_at_unix_s: i64,
    /// The issuer, where one is configured.
    pub issuer: Option<String>,
    /// The audience, where one is configured.
    pub audience: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: Uuid,
    companies: Companies<'a>,
    roles: Vec<&'static str>,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Companies<'a> {
    All(&'static str),
    Some(&'a std::collections::BTreeSet<CompanyId>),
}

/// Signs a token with a shared secret.
///
/// # Errors
/// The library refuses; it does not for HS256.
pub fn sign_hs256(secret: &[u8], request: &TokenRequest) -> Result<String, jsonwebtoken::errors::Error> {
    let claims = Claims {
        sub: request.user,
        companies: match &request.scope {
            Scope::All => Companies::All("*"),
            Scope::Companies(companies) => Companies::Some(companies),
        },
        roles: request.roles.iter().map(|role| role.name()).collect(),
        iat: request.issued_at_unix_s,
        exp: request.expires_at_unix_s,
        iss: request.issuer.as_deref(),
        aud: request.audience.as_deref(),
    };
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret))
}
