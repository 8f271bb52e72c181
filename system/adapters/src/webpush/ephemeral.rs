//! What makes two encryptions of one text differ.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::rand;

use super::encrypt::EncryptError;

/// The salt of a message (RFC 8188 section 2.1), in bytes.
pub(super) const SALT_BYTES: usize = 16;

/// The sender's key and the salt of one message. Used twice, they would use a nonce twice, and AES-GCM is broken then.
pub struct Ephemeral {
    /// A key on P-256; it must not be the VAPID key (RFC 8291 section 2).
    pub key: PrivateKey,
    /// Random bytes.
    pub salt: [u8; SALT_BYTES],
}

/// Where they come from: a port, so that tests can send known ones.
pub trait EphemeralKeys: Send + Sync + 'static {
    /// New ones for one message.
    ///
    /// # Errors
    /// No randomness.
    fn next(&self) -> Result<Ephemeral, EncryptError>;
}

/// Fresh ones, by the generator of aws-lc-rs.
#[derive(Debug, Clone, Copy, Default)]
pub struct FreshKeys;

impl EphemeralKeys for FreshKeys {
    fn next(&self) -> Result<Ephemeral, EncryptError> {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).map_err(|_| EncryptError::Crypto)?;
        Ok(Ephemeral { key: PrivateKey::generate(&ECDH_P256).map_err(|_| EncryptError::Crypto)?, salt })
    }
}
