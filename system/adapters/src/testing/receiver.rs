//! A browser: the keys of a subscription, and the other side of RFC 8291.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::rand;
use domain::ports::{AUTH_BYTES, P256DH_BYTES};

/// Why a receiver, or a strict push service, refuses a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// A device with its keys.
pub struct Receiver {
    key: PrivateKey,
    /// Its public key.
    pub p256dh: [u8; P256DH_BYTES],
    /// Its secret.
    pub auth: [u8; AUTH_BYTES],
}

impl Receiver {
    /// A new one. `None` without randomness.
    pub fn new() -> Option<Self> {
        let mut auth = [0; AUTH_BYTES];
        rand::fill(&mut auth).ok()?;
        Self::with(PrivateKey::generate(&ECDH_P256).ok()?, auth)
    }

    /// One with these keys.
    pub fn with(key: PrivateKey, auth: [u8; AUTH_BYTES]) -> Option<Self> {
        let p256dh = key.compute_public_key().ok()?.as_ref().try_into().ok()?;
        Some(Self { key, p256dh, auth })
    }

    /// Opens a body, and says how many zeros followed its text. HMAC by HMAC as RFC 8291 section 3.4 writes it, and not by
    /// the HKDF that the sender uses: the two should not share a mistake.
    ///
    /// # Errors
    /// It breaks a rule of RFC 8188 or 8291, or is not for this device.
    pub fn open(&self, body: &[u8]) -> Result<(Vec<u8>, usize), Refused> {
        let refuse = |why: &str| Refused(why.to_owned());
        let (salt, rest) = body.split_at_checked(16).ok_or_else(|| refuse("no salt"))?;
        let (size, rest) = rest.split_at_checked(4).ok_or_else(|| refuse("no record size"))?;
        let (id_length, rest) = rest.split_first().ok_or_else(|| refuse("no key length"))?;
        let (public, record) = rest.split_at_checked(usize::from(*id_length)).ok_or_else(|| refuse("no key"))?;
        let size = size.iter().fold(0usize, |size, byte| size << 8 | usize::from(*byte));
        if *id_length != 65 || public[0] != 4 {
            return Err(refuse("the key id is no uncompressed point"));
        }
        if size <= record.len() {
            return Err(refuse("the record size must be greater than the record"));
        }
        let mac = |key: &[u8], data: &[&[u8]]| sign(&Key::new(HMAC_SHA256, key), &data.concat());
        let peer = UnparsedPublicKey::new(&ECDH_P256, public);
        let shared = agree(&self.key, peer, refuse("the key is no point"), |shared| Ok(shared.to_vec()))?;
        let combined = mac(&self.auth, &[&shared]);
        let ikm = mac(combined.as_ref(), &[b"WebPush: info\0", &self.p256dh, public, &[1]]);
        let pseudorandom = mac(salt, &[ikm.as_ref()]);
        let key = mac(pseudorandom.as_ref(), &[b"Content-Encoding: aes128gcm\0\x01"]);
        let nonce = mac(pseudorandom.as_ref(), &[b"Content-Encoding: nonce\0\x01"]);
        let nonce = Nonce::try_assume_unique_for_key(&nonce.as_ref()[..12]).map_err(|_| refuse("nonce"))?;
        let key = UnboundKey::new(&AES_128_GCM, &key.as_ref()[..16]).map_err(|_| refuse("key"))?;
        let mut record = record.to_vec();
        let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), &mut record);
        let opened = opened.map_err(|_| refuse("not for this device, or changed on its way"))?;
        let end = opened.iter().rposition(|byte| *byte != 0).ok_or_else(|| refuse("no delimiter"))?;
        if opened[end] != 2 {
            return Err(refuse("the delimiter of the last record is 2"));
        }
        Ok((opened[..end].to_vec(), opened.len() - end - 1))
    }
}
