//! Message encryption for Web Push (RFC 8291): one record of `aes128gcm` (RFC 8188).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use domain::ports::{AUTH_BYTES, P256DH_BYTES};

use super::ephemeral::{Ephemeral, SALT_BYTES};

/// The record size that the header announces. It must be greater than the record (RFC 8291 section 4), which has 4,010
/// bytes at most; every receiver must take 4,096.
const RECORD_SIZE: u32 = 4_096;
/// Salt, record size, length of the key, key (RFC 8188 section 2.1).
pub const HEADER_BYTES: usize = SALT_BYTES + 4 + 1 + P256DH_BYTES;
const TAG_BYTES: usize = 16;
/// What a push service must take: 4,096 bytes of body (RFC 8030 section 7.2) less header, delimiter and tag.
pub const PLAINTEXT_BYTES_MAX: usize = 4_096 - HEADER_BYTES - 1 - TAG_BYTES;
/// Ends the text of the last record (RFC 8188 section 2); zeros after it are padding.
const LAST_RECORD: u8 = 0x02;
const KEY_BYTES: usize = 16;
const IKM_BYTES: usize = 32;
/// A point that is not compressed begins so (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 0x04;

/// A message cannot be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The device's key is no point on P-256.
    #[error("p256dh is no point on P-256")]
    NoPoint,
    /// The text is longer than [`PLAINTEXT_BYTES_MAX`].
    #[error("longer than {PLAINTEXT_BYTES_MAX} bytes")]
    TooLong,
    /// The cryptographic library failed: it has no randomness or no memory.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl From<Unspecified> for EncryptError {
    fn from(_: Unspecified) -> Self {
        Self::Crypto
    }
}

/// The body that only the device can open: the header, and one record with `plaintext`, the delimiter and `padding`
/// zeros.
///
/// # Errors
/// See [`EncryptError`].
pub fn encrypt(
    plaintext: &[u8],
    padding: usize,
    p256dh: &[u8; P256DH_BYTES],
    auth: &[u8; AUTH_BYTES],
    ephemeral: &Ephemeral,
) -> Result<Vec<u8>, EncryptError> {
    // Other forms of a point are the same key, but not the bytes that the device derives its keys from.
    if p256dh[0] != UNCOMPRESSED {
        return Err(EncryptError::NoPoint);
    }
    let padded = plaintext.len().saturating_add(padding);
    if padded > PLAINTEXT_BYTES_MAX {
        return Err(EncryptError::TooLong);
    }
    let public = ephemeral.key.compute_public_key()?;
    let (key, nonce) = keys(p256dh, auth, public.as_ref(), ephemeral)?;
    let mut body = Vec::with_capacity(HEADER_BYTES + padded + 1 + TAG_BYTES);
    body.extend_from_slice(&ephemeral.salt);
    body.extend_from_slice(&RECORD_SIZE.to_be_bytes());
    // A key on P-256: its length fits.
    body.push(P256DH_BYTES as u8);
    body.extend_from_slice(public.as_ref());
    body.extend_from_slice(plaintext);
    body.push(LAST_RECORD);
    body.resize(body.len() + padding, 0);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut body[HEADER_BYTES..])?;
    body.extend_from_slice(tag.as_ref());
    Ok(body)
}

/// Whether the key of a device is an uncompressed point on P-256. Told at registration, so that a device that can get
/// nothing is refused rather than failing at each message.
pub(super) fn is_point(p256dh: &[u8; P256DH_BYTES]) -> bool {
    let key = UnparsedPublicKey::new(&ECDH_P256, p256dh);
    p256dh[0] == UNCOMPRESSED && ParsedPublicKey::try_from(&key).is_ok()
}

/// RFC 8291 section 3.3 and 3.4: the content encryption key and the nonce of the first record.
fn keys(
    p256dh: &[u8; P256DH_BYTES],
    auth: &[u8; AUTH_BYTES],
    public: &[u8],
    ephemeral: &Ephemeral,
) -> Result<([u8; KEY_BYTES], [u8; NONCE_LEN]), EncryptError> {
    let receiver = UnparsedPublicKey::new(&ECDH_P256, p256dh);
    let combined = agree(&ephemeral.key, receiver, EncryptError::NoPoint, |shared| {
        Ok(Salt::new(HKDF_SHA256, auth).extract(shared))
    })?;
    let ikm: [u8; IKM_BYTES] = expand(&combined, &[b"WebPush: info\0", p256dh, public])?;
    let pseudorandom = Salt::new(HKDF_SHA256, &ephemeral.salt).extract(&ikm);
    let key = expand(&pseudorandom, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce = expand(&pseudorandom, &[b"Content-Encoding: nonce\0"])?;
    Ok((key, nonce))
}

fn expand<const N: usize>(from: &Prk, info: &[&[u8]]) -> Result<[u8; N], EncryptError> {
    let mut out = [0; N];
    from.expand(info, Bytes(N))?.fill(&mut out)?;
    Ok(out)
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}
