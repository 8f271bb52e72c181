//! Bearer tokens, signed with a secret that was given (HS256), or taken as they are.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use uuid::Uuid;

use crate::failure::Failure;

/// How long a token lasts: longer than any run.
const LIFE_S: u64 = 8 * 86_400;
/// The user that the generator is.
pub const USER: Uuid = Uuid::from_u128(0x10ad_0000_0000_4000_8000_0000_0000_0001);
/// The shortest secret that the server takes.
const SECRET_MIN: usize = 32;

/// What a token is to say.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    /// The company, or all.
    pub company: Option<Uuid>,
    /// Whether it may write.
    pub may_write: bool,
    /// Whether it may send messages to anybody.
    pub may_send: bool,
    /// Whose it is; nobody's: [`USER`]'s.
    pub user: Option<Uuid>,
    /// The issuer, where one is wanted.
    pub issuer: Option<String>,
    /// The audience, where one is wanted.
    pub audience: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: Uuid,
    companies: Companies,
    roles: &'a [&'a str],
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Companies {
    All(&'static str),
    One([Uuid; 1]),
}

/// Signs a token.
///
/// # Errors
/// [`Failure::Usage`]: the secret is too short.
pub fn mint(secret: &str, grant: &Grant) -> Result<String, Failure> {
    if secret.len() < SECRET_MIN {
        return Err(Failure::Usage(format!("the secret has fewer than {SECRET_MIN} characters")));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let claims = Claims {
        sub: grant.user.unwrap_or(USER),
        companies: grant.company.map_or(Companies::All("*"), |company| Companies::One([company])),
        roles: match (grant.may_write, grant.may_send) {
            (true, true) => &["forecast:write", "notify:send"],
            (true, false) => &["forecast:write"],
            (false, true) => &["notify:send"],
            (false, false) => &[],
        },
        iat: now,
        exp: now + LIFE_S,
        iss: grant.issuer.as_deref(),
        aud: grant.audience.as_deref(),
    };
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))
        .map_err(|error| Failure::Usage(format!("the token cannot be signed: {error}")))
}
