//! Keys that may verify a token, each for one algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};

use super::claims::Claims;
use super::error::AuthError;

/// A JWKS with more keys than this is refused: a token without key id is tried with each.
const KEYS_MAX: usize = 16;
/// An RSA key below 2,048 bits is refused.
const RSA_BYTES_MIN: usize = 256;

/// What a token must say, for whoever signs them.
const CLAIMS_EXPECTED: &str = "sub must be a UUID, companies a list of UUIDs or \"*\", roles a list of texts, exp and nbf \
                               times in seconds";

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    /// What the key is made of, to tell whether it is still the same after a refresh.
    material: String,
    key: DecodingKey,
}

/// The keys that count now.
pub struct KeySet {
    keys: Vec<Key>,
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.keys.iter().map(|key| (key.id.as_deref().unwrap_or("-"), key.algorithm));
        f.debug_list().entries(shown).finish()
    }
}

/// A JWKS that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not a JWKS.
    #[error("not a JWKS: {0}")]
    Syntax(String),
    /// None of its keys is an RS256 or ES256 signature key.
    #[error("the JWKS has no key for RS256 or ES256 signatures")]
    NoUsableKey,
    /// Too many.
    #[error("the JWKS has more than {KEYS_MAX} keys")]
    TooMany,
}

impl KeySet {
    /// No key: every token is refused until there is one.
    pub fn empty() -> Self {
        Self { keys: Vec::new() }
    }

    /// HS256 with the current secret and perhaps the one before it.
    pub fn hs256(current: &[u8], previous: Option<&[u8]>) -> Self {
        let key = |secret| Key {
            id: None,
            algorithm: Algorithm::HS256,
            material: String::new(),
            key: DecodingKey::from_secret(secret),
        };
        Self { keys: std::iter::once(current).chain(previous).map(key).collect() }
    }

    /// The RS256 and ES256 signature keys of a JWKS; keys for anything else are left out.
    ///
    /// # Errors
    /// It is not a JWKS, or has no such key, or too many.
    pub fn from_jwks(text: &str) -> Result<Self, JwksError> {
        let set: JwkSet = serde_json::from_str(text).map_err(|error| JwksError::Syntax(error.to_string()))?;
        if set.keys.len() > KEYS_MAX {
            return Err(JwksError::TooMany);
        }
        let keys: Vec<Key> = set.keys.iter().filter_map(usable).collect();
        if keys.is_empty() { Err(JwksError::NoUsableKey) } else { Ok(Self { keys }) }
    }

    /// Whether every key of `self` is in `newer` too.
    pub(super) fn is_contained_in(&self, newer: &KeySet) -> bool {
        let same = |a: &Key, b: &Key| a.id == b.id && a.algorithm == b.algorithm && a.material == b.material;
        self.keys.iter().all(|old| newer.keys.iter().any(|new| same(old, new)))
    }

    /// Verifies the signature and reads the claims. The claims themselves are not judged here.
    pub(super) fn verify(&self, token: &str, header: &Header) -> Result<Claims, AuthError> {
        let candidates =
            || self.keys.iter().filter(|key| header.kid.is_none() || key.id.is_none() || key.id == header.kid);
        if candidates().next().is_none() {
            return Err(AuthError::UnknownKey);
        }
        let mut refused = AuthError::Algorithm;
        for key in candidates().filter(|key| key.algorithm == header.alg) {
            match jsonwebtoken::decode::<Claims>(token, &key.key, &signature_only(key.algorithm)) {
                Ok(data) => return Ok(data.claims),
                Err(error) => refused = refusal(&error),
            }
            // A good signature over bad claims is not improved by another key.
            if matches!(refused, AuthError::Malformed(_)) {
                break;
            }
        }
        Err(refused)
    }
}

/// Times, issuer and audience are judged by our own clock and rules.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn refusal(error: &jsonwebtoken::errors::Error) -> AuthError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidAlgorithm => AuthError::Algorithm,
        // The parser's words name its own types and places.
        ErrorKind::Json(_) => AuthError::Malformed(CLAIMS_EXPECTED.to_owned()),
        ErrorKind::Base64(_) | ErrorKind::Utf8(_) | ErrorKind::InvalidToken => {
            AuthError::Malformed("not a JWT".to_owned())
        }
        _ => AuthError::Signature,
    }
}

fn usable(jwk: &Jwk) -> Option<Key> {
    let common = &jwk.common;
    if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let (algorithm, material) = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if rsa_bytes(&rsa.n) >= RSA_BYTES_MIN => {
            (Algorithm::RS256, format!("{}.{}", rsa.n, rsa.e))
        }
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, format!("{}.{}", ec.x, ec.y))
        }
        _ => return None,
    };
    let agrees = match common.key_algorithm {
        None => true,
        Some(KeyAlgorithm::RS256) => algorithm == Algorithm::RS256,
        Some(KeyAlgorithm::ES256) => algorithm == Algorithm::ES256,
        Some(_) => false,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    agrees.then(|| Key { id: common.key_id.clone(), algorithm, material, key })
}

fn rsa_bytes(modulus: &str) -> usize {
    URL_SAFE_NO_PAD.decode(modulus).map_or(0, |bytes| bytes.iter().skip_while(|byte| **byte == 0).count())
}
