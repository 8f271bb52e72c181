//! Keys from a file or a URL.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::keys::{JwksError, KeySet};
use crate::config::without_credentials;

/// How often an hourly job should call [`refresh`](super::Verifier::refresh).
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(3600);
/// Unknown key ids cause at most one reading in this time, or anyone could make us call the issuer at will.
pub const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(10);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const JWKS_BYTES_MAX: usize = 256 * 1024;

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum JwksSource {
    /// A file.
    File(PathBuf),
    /// A URL, with the client to read it by; see [`https_client`].
    Url(reqwest::Client, String),
}

/// Keys could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The reason.
        source: Arc<std::io::Error>,
    },
    /// The URL does not answer as it should.
    #[error("cannot read {url}: {source}")]
    Url {
        /// The URL.
        url: String,
        /// The reason.
        source: Arc<reqwest::Error>,
    },
    /// The answer is too long.
    #[error("{0} is longer than {JWKS_BYTES_MAX} bytes")]
    TooLong(String),
    /// What was read is of no use.
    #[error("{at}: {source}")]
    Jwks {
        /// The file or URL.
        at: String,
        /// The reason.
        source: JwksError,
    },
}

impl FetchError {
    /// Whether another attempt may succeed without anybody's help.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, FetchError::Url { .. })
    }
}

impl JwksSource {
    /// Reads the keys.
    ///
    /// # Errors
    /// They cannot be read or are of no use.
    pub async fn read(&self) -> Result<KeySet, FetchError> {
        let (at, text) = match self {
            JwksSource::File(path) => {
                let at = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| FetchError::File { path: at.clone(), source: Arc::new(error) })?;
                (at, text)
            }
            JwksSource::Url(client, url) => (without_credentials(url), fetch(client, url).await?),
        };
        if text.len() > JWKS_BYTES_MAX {
            return Err(FetchError::TooLong(at));
        }
        KeySet::from_jwks(&text).map_err(|source| FetchError::Jwks { at, source })
    }
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<String, FetchError> {
    let failed = |error: reqwest::Error| FetchError::Url { url: without_credentials(url), source: Arc::new(error) };
    let request = client.get(url).timeout(FETCH_TIMEOUT).send();
    let mut response = request.await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > JWKS_BYTES_MAX {
            return Err(FetchError::TooLong(without_credentials(url)));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A client that follows no redirects and speaks TLS by aws-lc-rs with the platform's roots. The provider is given
/// explicitly: in tests and simulations no `main` installs one. Without any roots (a bare container) plain HTTP still
/// works, and HTTPS fails when it is used.
///
/// # Errors
/// TLS or the client cannot be set up.
pub fn https_client() -> Result<reqwest::Client, ClientError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(ClientError::Tls)?;
    let tls = match builder.clone().with_platform_verifier() {
        Ok(verified) => verified.with_no_client_auth(),
        Err(error) => {
            tracing::debug!(%error, "the platform has no root certificates");
            builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        }
    };
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls);
    let client = client.redirect(reqwest::redirect::Policy::none()).build();
    client.map_err(|error| ClientError::Build(Arc::new(error)))
}

/// An HTTP client cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// TLS.
    #[error("no TLS: {0}")]
    Tls(rustls::Error),
    /// Anything else.
    #[error("no HTTP client: {0}")]
    Build(Arc<reqwest::Error>),
}

/// Reads a source, one at a time, and not too often.
#[derive(Debug)]
pub(super) struct Refresher {
    source: JwksSource,
    last_asked: Mutex<Option<Instant>>,
}

impl Refresher {
    pub(super) fn new(source: JwksSource) -> Self {
        Self { source, last_asked: Mutex::new(None) }
    }

    pub(super) async fn read(&self) -> Result<KeySet, FetchError> {
        self.source.read().await
    }

    /// The keys, unless they were asked for a moment ago or are being read now: while an issuer hangs, nobody queues.
    pub(super) async fn on_unknown_key(&self) -> Option<KeySet> {
        let mut last = self.last_asked.try_lock().ok()?;
        if last.is_some_and(|at| at.elapsed() < UNKNOWN_KEY_INTERVAL) {
            return None;
        }
        *last = Some(Instant::now());
        let read = self.source.read().await;
        read.inspect_err(|error| tracing::warn!(%error, "keys could not be read for an unknown key id")).ok()
    }
}
