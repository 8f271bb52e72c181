//! The key by which push services know us (RFC 8292).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::outgoing::{der_of_pem, pem_of_der};

const LABEL: &str = "PRIVATE KEY";
const SEC1_LABEL: &str = "EC PRIVATE KEY";
/// Half of a SHA-256: enough to tell the few keys of an installation apart.
const ID_BYTES: usize = 12;

/// A key pair on P-256. `Debug` shows its id only.
pub struct VapidKey {
    pair: EcdsaKeyPair,
    public: Arc<str>,
    id: Arc<str>,
}

/// A key cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VapidKeyError {
    /// A file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Arc<std::io::Error>,
    },
    /// Others may read the file.
    #[error("{0} may be read by others; run chmod 600 on it")]
    Exposed(PathBuf),
    /// The text is no key.
    #[error("no private key on P-256: neither PEM (PKCS#8 or SEC 1) nor 32 bytes in base64url")]
    NoKey,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl VapidKey {
    /// A new one.
    ///
    /// # Errors
    /// No randomness.
    pub fn generate() -> Result<Self, VapidKeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| VapidKeyError::Crypto)?;
        Ok(Self::of(pair))
    }

    /// Reads a private key in one of the forms that tools write: PEM of PKCS#8 (ours, `py-vapid`, `openssl genpkey`) or of
    /// SEC 1 (`openssl ecparam -genkey`), or the bare 32 bytes in base64url (`web-push generate-vapid-keys`).
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, VapidKeyError> {
        let wrong = VapidKeyError::NoKey;
        let text = text.trim();
        if text.starts_with("-----") {
            let der = der_of_pem(text, LABEL).or_else(|_| der_of_pem(text, SEC1_LABEL)).map_err(|_| wrong.clone())?;
            let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
            return pair.map(Self::of).map_err(|_| wrong);
        }
        let scalar = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| wrong.clone())?;
        let key = PrivateKey::from_private_key(&ECDH_P256, &scalar).map_err(|_| wrong.clone())?;
        let public = key.compute_public_key().map_err(|_| VapidKeyError::Crypto)?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &scalar, public.as_ref());
        pair.map(Self::of).map_err(|_| wrong)
    }

    fn of(pair: EcdsaKeyPair) -> Self {
        let point = pair.public_key().as_ref();
        let public = URL_SAFE_NO_PAD.encode(point).into();
        let id = URL_SAFE_NO_PAD.encode(&digest(&SHA256, point).as_ref()[..ID_BYTES]).into();
        Self { pair, public, id }
    }

    /// The public key, as browsers take it for `applicationServerKey` and push services for `k`: the uncompressed point in
    /// base64url without padding (RFC 8292 section 3.2).
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// A short name of it, to be stored with each device: a device that subscribed with another key gets nothing from this
    /// one and must subscribe again.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The private key as PEM (PKCS#8), for a file or for whoever asked for a new one.
    ///
    /// # Errors
    /// The library's.
    pub fn to_pem(&self) -> Result<String, VapidKeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| VapidKeyError::Crypto)?;
        Ok(pem_of_der(document.as_ref(), LABEL))
    }

    /// ES256: the two numbers of the signature, 32 bytes each (RFC 7518 section 3.4).
    pub(super) fn sign(&self, input: &[u8]) -> Result<impl AsRef<[u8]> + use<>, VapidKeyError> {
        self.pair.sign(&SystemRandom::new(), input).map_err(|_| VapidKeyError::Crypto)
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VapidKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8291 appendix A: a key in the form of `web-push`, and its public half.
    const SCALAR: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const PUBLIC: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

    #[test]
    fn every_form_that_tools_write() {
        let bare = VapidKey::parse(SCALAR).unwrap();
        assert_eq!(bare.public_key(), PUBLIC);
        let pem = VapidKey::parse(&bare.to_pem().unwrap()).unwrap();
        assert_eq!((pem.public_key(), pem.id()), (PUBLIC, bare.id()));
        // Made by `openssl ecparam -name prime256v1 -genkey -noout` from the same number.
        let sec1 = "-----BEGIN EC PRIVATE KEY-----\n\
            MHcCAQEEIMn1j4mBPp+Ohy5x9CqmThdXySVNzGK3LdwBC7QEPqEcoAoGCCqGSM49\n\
            AwEHoUQDQgAE/jP0qw3qcZFNtVgj9ztUlI9BMG2SBzLbuaWaUyhkgiAOWXp7e8Jg\n\
            uhwieZhYCZLpOXMALzASooro8Gu7eOXsDw==\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(VapidKey::parse(sec1).unwrap().public_key(), PUBLIC);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let zeros = URL_SAFE_NO_PAD.encode([0; 32]);
        let long = URL_SAFE_NO_PAD.encode([1; 33]);
        for text in ["", "hello", &zeros, &long, PUBLIC, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
        {
            assert!(matches!(VapidKey::parse(text), Err(VapidKeyError::NoKey)), "{text}");
        }
    }

    #[test]
    fn debug_shows_the_id_alone() {
        let key = VapidKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("VapidKey {{ id: {:?}, .. }}", key.id()));
        assert_eq!(key.id().len(), 16);
        assert_ne!(key.id(), VapidKey::generate().unwrap().id());
    }
}
