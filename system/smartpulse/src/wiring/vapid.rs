//! New keys for Web Push.

use std::path::Path;

use adapters::webpush::{VapidKey, VapidKeyError, create_vapid_key};

use super::channel_error::ChannelError;
use super::error::WiringError;
use crate::config::Secret;

/// A new key.
pub struct NewVapidKey {
    /// What browsers subscribe with.
    pub public_key: String,
    /// The private key as PEM, unless it is in its file.
    pub private_key: Option<Secret<String>>,
}

/// Makes a key: in a new file that only its owner may read, or to be shown once.
///
/// # Errors
/// There is such a file already, it cannot be made, or there is no randomness.
pub fn new_vapid_key(file: Option<&Path>) -> Result<NewVapidKey, WiringError> {
    let failed = |error: VapidKeyError| {
        let path = file.unwrap_or(Path::new("-")).to_owned();
        ChannelError::Key { path, error }
    };
    let (key, private_key) = match file {
        Some(path) => (create_vapid_key(path).map_err(failed)?, None),
        None => {
            let key = VapidKey::generate().map_err(failed)?;
            let pem = key.to_pem().map_err(failed)?;
            (key, Some(Secret::new(pem)))
        }
    };
    Ok(NewVapidKey { public_key: key.public_key().to_owned(), private_key })
}
