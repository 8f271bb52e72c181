//! Sections `[http]` and `[internal]`.

use std::net::SocketAddr;
use std::time::Duration;

use super::reader::Reader;

/// The settings of the API's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The `max-age` of cacheable answers.
    pub max_age: Duration,
    /// `private` in place of `public`.
    pub cache_control_private: bool,
    /// Origins that may call from a browser.
    pub cors_origins: Vec<String>,
    /// The longest body.
    pub body_limit_bytes: usize,
    /// The longest body of a batch.
    pub batch_limit_bytes: usize,
    /// How long a head may take.
    pub header_timeout: Duration,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How long a connection may be idle.
    pub idle_timeout: Duration,
    /// Connections at the same time.
    pub max_connections: usize,
    /// The longest head.
    pub max_header_bytes: usize,
    /// Requests at the same time.
    pub max_concurrent_requests: usize,
    /// The deadline of what no cache answers.
    pub request_timeout: Duration,
    /// Whether answers carry `Date`.
    pub date_header: bool,
}

impl HttpConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            listen: r.address("http.listen"),
            max_age: r.seconds("http.max_age_s", 0..=86_400),
            cache_control_private: r.flag("http.cache_control_private"),
            cors_origins: r.list("http.cors_origins"),
            body_limit_bytes: r.size("http.body_limit_bytes", 1024..=16_777_216),
            batch_limit_bytes: r.size("http.batch_limit_bytes", 1024..=268_435_456),
            header_timeout: r.millis("http.header_timeout_ms", 10..=600_000),
            body_timeout: r.millis("http.body_timeout_ms", 10..=600_000),
            idle_timeout: r.millis("http.idle_timeout_ms", 10..=3_600_000),
            max_connections: r.size("http.max_connections", 1..=1_000_000),
            max_header_bytes: r.size("http.max_header_bytes", 8192..=1_048_576),
            max_concurrent_requests: r.size("http.max_concurrent_requests", 1..=1_000_000),
            request_timeout: r.millis("http.request_timeout_ms", 10..=600_000),
            date_header: r.flag("http.date_header"),
        }
    }

    pub(super) fn check(&self, r: &mut Reader<'_>, internal: SocketAddr) {
        if self.listen == internal && internal.port() != 0 {
            r.combination(format!("`http.listen` and `internal.listen` are both {internal}; give them two addresses"));
        }
        if self.batch_limit_bytes < self.body_limit_bytes {
            r.combination("`http.batch_limit_bytes` is smaller than `http.body_limit_bytes`");
        }
        for origin in &self.cors_origins {
            if !is_origin(origin) {
                r.bad("http.cors_origins", format!("origins such as \"https://app.example.org\" ({origin:?} is none)"));
            }
        }
    }
}

/// Scheme, host and perhaps a port: what a browser sends as `Origin`. `*` would open the API to every page.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    scheme
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && !text.ends_with('/')
        && uri.path() == "/"
}

/// The settings of the internal address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalConfig {
    /// Where to listen.
    pub listen: SocketAddr,
}

impl InternalConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self { listen: r.address("internal.listen") }
    }
}
