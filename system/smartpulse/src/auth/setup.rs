//! From the configuration to a verifier.

use super::jwks::{ClientError, FetchError, JwksSource, https_client};
use super::keys::KeySet;
use super::secret_file::{SecretFileError, load_or_create_secret};
use super::verifier::{NowUnixS, Rules, Verifier};
use crate::config::{AuthMode, Config, Secret};

/// There is no verifier.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SetupError {
    /// The generated secret.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The keys' file.
    #[error(transparent)]
    Keys(#[from] FetchError),
    /// No client for the keys' URL.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl SetupError {
    /// Whether another attempt may succeed without anybody's help.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, SetupError::Keys(error) if error.is_retryable())
    }
}

/// The secret that tokens are signed with: the configured one, or that of the data directory, which is made with
/// `random` if need be. None where somebody else signs.
///
/// # Errors
/// The data directory's secret cannot be had.
pub fn signing_secret(
    config: &Config,
    random: impl FnOnce(&mut [u8]) -> Result<(), String>,
) -> Result<Option<Secret<String>>, SecretFileError> {
    match &config.auth.mode {
        AuthMode::Hs256 { secret: Some(secret), .. } => Ok(Some(secret.clone())),
        AuthMode::Hs256 { secret: None, .. } => load_or_create_secret(&config.data_dir, random).map(Some),
        AuthMode::JwksFile(_) | AuthMode::JwksUrl(_) => Ok(None),
    }
}

/// The verifier of the configuration. An issuer that does not answer now is asked again with the first token: a restart
/// must not depend on it.
///
/// # Errors
/// The secret or the file of keys cannot be read.
pub async fn verifier(
    config: &Config,
    random: impl FnOnce(&mut [u8]) -> Result<(), String>,
    memo_seed: u64,
    now: NowUnixS,
) -> Result<Verifier, SetupError> {
    let auth = &config.auth;
    let rules = Rules {
        issuer: auth.issuer.clone(),
        audience: auth.audience.clone(),
        leeway_s: i64::try_from(auth.leeway.as_secs()).unwrap_or(i64::MAX),
    };
    let (keys, source) = match &auth.mode {
        AuthMode::JwksFile(path) => {
            let source = JwksSource::File(path.clone());
            (source.read().await?, Some(source))
        }
        AuthMode::JwksUrl(url) => {
            let source = JwksSource::Url(https_client()?, url.clone());
            let keys = source.read().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "starting without keys");
                KeySet::empty()
            });
            (keys, Some(source))
        }
        AuthMode::Hs256 { previous, .. } => {
            let previous = previous.as_ref().map(|secret| secret.expose().as_bytes());
            let keys =
                signing_secret(config, random)?.map(|secret| KeySet::hs256(secret.expose().as_bytes(), previous));
            (keys.unwrap_or_else(KeySet::empty), None)
        }
    };
    let verifier = Verifier::new(keys, rules, auth.memo_entries, memo_seed, now);
    Ok(match source {
        Some(source) => verifier.with_source(source),
        None => verifier,
    })
}
