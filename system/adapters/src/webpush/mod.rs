//! Web Push: RFC 8030 (the protocol), RFC 8291 over RFC 8188 (encryption), RFC 8292 (VAPID).
//!
//! A module of our own on aws-lc-rs and reqwest: the crates that exist need OpenSSL, drop the port from `aud`, or cannot
//! tell a 403 from a 429 (ruling 22). [`payload`] makes the JSON that a service worker reads, [`encrypt`] the one record
//! that only the device can open, [`tokens`] signs what says who we are, once in six hours for each push service, and
//! [`statuses`] says what an answer means. [`WebPushGateway`] puts them together.
//!
//! Randomness: keys and salts come from aws-lc-rs directly and not from the `Rng` port. They are secrets that nothing may
//! predict, the library makes keys only by its own generator, and no decision of ours depends on them; tests give their
//! own through [`EphemeralKeys`].

mod encrypt;
mod ephemeral;
mod gateway;
mod payload;
mod statuses;
mod tokens;
mod vapid_file;
mod vapid_key;

pub use encrypt::{EncryptError, HEADER_BYTES, PLAINTEXT_BYTES_MAX, encrypt};
pub use ephemeral::{Ephemeral, EphemeralKeys, FreshKeys};
pub use gateway::{WebPushConfig, WebPushGateway};
pub use payload::payload;
pub use tokens::{SubjectError, VapidSubject};
pub use vapid_file::{create_vapid_key, load_or_create_vapid_key, load_vapid_key};
pub use vapid_key::{VapidKey, VapidKeyError};
