//! From a token to its caller.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use http::{HeaderMap, header};

use super::caller::Caller;
use super::error::AuthError;
use super::jwks::{JwksSource, Refresher};
use super::keys::KeySet;
use super::memo::Memo;

/// Wall time in Unix seconds. A port: tests and the simulation have their own.
pub type NowUnixS = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Header values are bounded by the head's limit; a token has a tighter one.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What a token must say beside being well signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The issuer; `None`: any.
    pub issuer: Option<String>,
    /// The audience; `None`: any.
    pub audience: Option<String>,
    /// How far clocks may differ.
    pub leeway_s: i64,
}

/// Verifies tokens.
pub struct Verifier {
    keys: RwLock<Arc<KeySet>>,
    /// Rises whenever a key is gone: what was verified before must be verified again.
    key_epoch: AtomicU64,
    memo: Memo,
    rules: Rules,
    refresher: Option<Refresher>,
    now: NowUnixS,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("keys", &self.keys).field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier with fixed keys. `memo_seed` makes the memo's places unpredictable.
    pub fn new(keys: KeySet, rules: Rules, memo_entries: u64, memo_seed: u64, now: NowUnixS) -> Self {
        let keys = RwLock::new(Arc::new(keys));
        let memo = Memo::new(memo_entries, memo_seed);
        Self { keys, key_epoch: AtomicU64::new(0), memo, rules, refresher: None, now }
    }

    /// Keys that are read anew from `source`, see [`Verifier::refresh`].
    #[must_use]
    pub fn with_source(mut self, source: JwksSource) -> Self {
        self.refresher = Some(Refresher::new(source));
        self
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Caller>, AuthError> {
        self.verify_bytes(bearer(headers)?).await
    }

    /// The caller of a token. Only a token with an unknown key id waits, for the keys to be read anew.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn verify(&self, token: &str) -> Result<Arc<Caller>, AuthError> {
        self.verify_bytes(token.as_bytes()).await
    }

    async fn verify_bytes(&self, token: &[u8]) -> Result<Arc<Caller>, AuthError> {
        match self.verify_now(token) {
            Err(AuthError::UnknownKey) => {
                let Some(refresher) = &self.refresher else { return Err(AuthError::UnknownKey) };
                // Boxed: no request should carry the future of an HTTP client that it will not use.
                if let Some(newer) = Box::pin(refresher.on_unknown_key()).await {
                    self.replace_keys(newer);
                }
                // Also when another request read them meanwhile.
                self.verify_now(token)
            }
            known => known,
        }
    }

    fn verify_now(&self, token: &[u8]) -> Result<Arc<Caller>, AuthError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::TooLong);
        }
        // Read before the keys: a key that goes away in between makes the entry too old, never too new.
        let epoch = self.key_epoch.load(Ordering::Acquire);
        let now = (self.now)();
        if let Some(known) = self.memo.get(token, epoch, now) {
            return known;
        }
        let (bytes, token) =
            (token, std::str::from_utf8(token).map_err(|_| AuthError::Malformed("not ASCII".to_owned()))?);
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        // An unknown algorithm, `none` among them, has no form in the library and fails here.
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::Malformed("not a JWT".to_owned()))?;
        if header.crit.is_some() {
            return Err(AuthError::Malformed("a critical extension is not understood".to_owned()));
        }
        let claims = keys.verify(token, &header)?;
        claims.check(&self.rules)?;
        let validity = claims.validity(self.rules.leeway_s);
        validity.check(now)?;
        let caller = Arc::new(claims.into_caller());
        self.memo.put(bytes, validity, epoch, Arc::clone(&caller));
        Ok(caller)
    }

    /// Reads the keys anew; an hourly job calls it. On failure the keys stay as they are.
    ///
    /// # Errors
    /// Why they could not be read.
    pub async fn refresh(&self) -> Result<(), super::jwks::FetchError> {
        if let Some(refresher) = &self.refresher {
            self.replace_keys(refresher.read().await?);
        }
        Ok(())
    }

    fn replace_keys(&self, newer: KeySet) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let removed = !keys.is_contained_in(&newer);
        *keys = Arc::new(newer);
        if removed {
            self.key_epoch.fetch_add(1, Ordering::Release);
        }
    }
}

/// The token of the header, as bytes: a token seen before is found by them.
fn bearer(headers: &HeaderMap) -> Result<&[u8], AuthError> {
    const SCHEME: &[u8] = b"bearer ";
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::Missing)?.as_bytes();
    if values.next().is_some() {
        return Err(AuthError::Ambiguous);
    }
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => Ok(token.trim_ascii()),
        _ => Err(AuthError::Missing),
    }
}
