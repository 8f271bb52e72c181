//! Section `[auth]`.

use std::path::PathBuf;
use std::time::Duration;

use super::profile::Profile;
use super::reader::Reader;
use super::secret::Secret;

/// An HMAC key shorter than its hash weakens it.
pub const SECRET_BYTES_MIN: usize = 32;

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMode {
    /// Signed with a shared secret.
    Hs256 {
        /// The current secret. `None`: the one generated in the data directory.
        secret: Option<Secret<String>>,
        /// The one before it.
        previous: Option<Secret<String>>,
    },
    /// Signed with a key of a JWKS file.
    JwksFile(PathBuf),
    /// Signed with a key behind a URL.
    JwksUrl(String),
}

/// The settings of authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// Where tokens come from.
    pub mode: AuthMode,
    /// The issuer that they must name.
    pub issuer: Option<String>,
    /// The audience that they must name.
    pub audience: Option<String>,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// How many verified tokens are remembered.
    pub memo_entries: u64,
}

#[derive(Clone, Copy)]
enum Mode {
    Hs256,
    Jwks,
}

impl AuthConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let mode = r.choice("auth.mode", &[("hs256", Mode::Hs256), ("jwks", Mode::Jwks)]).unwrap_or(Mode::Hs256);
        let (secret, previous) = (secret(r, "auth.secret"), secret(r, "auth.previous_secret"));
        let (file, url) = (r.optional("auth.jwks_file"), r.optional("auth.jwks_url"));
        let mode = match mode {
            Mode::Hs256 => {
                for key in ["auth.jwks_file", "auth.jwks_url"] {
                    refuse_unused(r, key, "hs256");
                }
                if previous.is_some() && secret.is_none() {
                    r.combination("`auth.previous_secret` is set, but `auth.secret` is not");
                }
                AuthMode::Hs256 { secret, previous }
            }
            Mode::Jwks => {
                for key in ["auth.secret", "auth.secret_file", "auth.previous_secret", "auth.previous_secret_file"] {
                    refuse_unused(r, key, "jwks");
                }
                jwks(r, file, url)
            }
        };
        Self {
            mode,
            issuer: r.optional("auth.issuer"),
            audience: r.optional("auth.audience"),
            leeway: r.seconds("auth.leeway_s", 0..=300),
            memo_entries: r.int("auth.memo_entries", 0..=10_000_000),
        }
    }

    /// Production names its issuer and audience, and brings its secret: a generated one would differ per instance.
    pub(super) fn check(&self, r: &mut Reader<'_>, profile: Profile) {
        if profile != Profile::Production {
            return;
        }
        for (key, value) in [("auth.issuer", &self.issuer), ("auth.audience", &self.audience)] {
            if value.is_none() {
                r.combination(format!("`{key}` must be set in production"));
            }
        }
        if matches!(self.mode, AuthMode::Hs256 { secret: None, .. }) {
            r.combination(
                "`auth.secret` or `auth.secret_file` must be set in production (or `auth.mode` = \"jwks\"): a generated \
                 secret would differ on each instance",
            );
        }
    }
}

fn secret(r: &mut Reader<'_>, key: &str) -> Option<Secret<String>> {
    let secret = r.secret(key)?;
    if secret.expose().len() < SECRET_BYTES_MIN {
        let length = secret.expose().len();
        let by_file = format!("{key}_file");
        let given = if r.optional(key).is_some() { key } else { &by_file };
        let source = r.source(given);
        r.combination(format!("{source}: `{given}` has {length} characters; it needs at least {SECRET_BYTES_MIN}"));
    }
    Some(secret)
}

fn jwks(r: &mut Reader<'_>, file: Option<String>, url: Option<String>) -> AuthMode {
    match (file, url) {
        (Some(file), None) => AuthMode::JwksFile(PathBuf::from(file)),
        (None, Some(url)) => {
            if !is_safe(&url) {
                r.bad("auth.jwks_url", "an https URL (http only to this machine)");
            }
            AuthMode::JwksUrl(url)
        }
        (file, _) => {
            let what = if file.is_some() { "both" } else { "neither" };
            r.combination(format!(
                "`auth.mode` = \"jwks\" needs one of `auth.jwks_file` and `auth.jwks_url`, has {what}"
            ));
            AuthMode::JwksFile(PathBuf::new())
        }
    }
}

/// Whoever can change the keys on their way can sign tokens.
fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

fn refuse_unused(r: &mut Reader<'_>, key: &str, mode: &str) {
    if r.optional(key).is_some() {
        let source = r.source(key);
        r.combination(format!("`{key}` ({source}) has no meaning with `auth.mode` = {mode:?}"));
    }
}
