//! Whether there is a Redis for a suite.

use std::process::Command;

/// Where servers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Backend {
    /// A server that somebody named: what is shared with others is neither killed nor emptied.
    Endpoint(String),
    /// `redis-server` is installed.
    Processes,
}

/// Looks for one: the endpoint in `SMARTPULSE_TEST_REDIS_URL`, then `redis-server`.
///
/// # Errors
/// The reason why there is none.
pub(crate) fn require() -> Result<Vec<Backend>, String> {
    let mut found = Vec::new();
    if let Ok(url) = std::env::var("SMARTPULSE_TEST_REDIS_URL") {
        found.push(Backend::Endpoint(url));
    }
    let version = Command::new("redis-server").arg("--version").output();
    if version.is_ok_and(|output| output.status.success()) {
        found.push(Backend::Processes);
    }
    if found.is_empty() {
        return Err("no SMARTPULSE_TEST_REDIS_URL, and redis-server is not installed".to_owned());
    }
    Ok(found)
}

/// Whether a missing Redis is a failure: `SMARTPULSE_REQUIRE` names it.
pub(crate) fn is_required() -> bool {
    let required = std::env::var("SMARTPULSE_REQUIRE").unwrap_or_default();
    required.split(',').any(|name| name.trim() == "redis")
}
