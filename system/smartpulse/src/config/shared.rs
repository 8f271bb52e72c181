//! Section `[shared]`.

use std::time::Duration;

use super::profile::refuse_absent;
use super::reader::Reader;
use super::secret::Secret;

/// The technology of the shared tier (L3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedKind {
    /// In this process alone.
    Memory,
    /// Redis.
    Redis,
}

const KINDS: [(&str, SharedKind); 2] = [("memory", SharedKind::Memory), ("redis", SharedKind::Redis)];
#[cfg(feature = "production")]
const BUILT: &[(&str, SharedKind)] = &KINDS;
#[cfg(not(feature = "production"))]
const BUILT: &[(&str, SharedKind)] = &[("memory", SharedKind::Memory)];

/// The settings of the shared tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedConfig {
    /// The technology.
    pub kind: SharedKind,
    /// Where Redis is. It may hold a password.
    pub url: Option<Secret<String>>,
    /// The size of the in-process form, at most.
    pub capacity_bytes: u64,
    /// How long a value lives.
    pub ttl: Duration,
    /// How long a call may take; then the read goes on without this tier.
    pub timeout: Duration,
}

impl SharedConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let kind = r.choice("shared.kind", &KINDS).unwrap_or(SharedKind::Memory);
        refuse_absent(r, "shared.kind", &kind, BUILT, &KINDS);
        let url = r.secret("shared.url");
        if kind == SharedKind::Redis && url.is_none() {
            r.combination("`shared.kind` = \"redis\" needs `shared.url`, such as redis://127.0.0.1:6379");
        }
        Self {
            kind,
            url,
            capacity_bytes: r.int("shared.capacity_bytes", 0..=1 << 50),
            ttl: r.seconds("shared.ttl_s", 1..=86_400),
            timeout: r.millis("shared.timeout_ms", 1..=60_000),
        }
    }
}
