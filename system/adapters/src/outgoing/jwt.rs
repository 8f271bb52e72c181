//! Signed tokens in their compact form (RFC 7515 section 3.1, RFC 7519).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// A token that is not signed yet.
pub(crate) struct Jwt(String);

impl Jwt {
    /// Header and claims.
    pub(crate) fn new(header: &impl Serialize, claims: &impl Serialize) -> Result<Self, serde_json::Error> {
        let encode = |part: Vec<u8>| URL_SAFE_NO_PAD.encode(part);
        Ok(Self(encode(serde_json::to_vec(header)?) + "." + &encode(serde_json::to_vec(claims)?)))
    }

    /// What is to be signed.
    pub(crate) fn signing_input(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The whole token.
    pub(crate) fn signed(self, signature: &[u8]) -> String {
        self.0 + "." + &URL_SAFE_NO_PAD.encode(signature)
    }
}
