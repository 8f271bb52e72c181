//! Section `[bus]`.

use std::time::Duration;

use super::profile::refuse_absent;
use super::reader::Reader;
use super::secret::Secret;
use super::store::StoreKind;

/// The technology of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusKind {
    /// The durable bus inside the SQLite file.
    Store,
    /// In this process alone.
    Memory,
    /// Apache Pulsar.
    Pulsar,
}

const KINDS: [(&str, BusKind); 3] =
    [("store", BusKind::Store), ("memory", BusKind::Memory), ("pulsar", BusKind::Pulsar)];
#[cfg(feature = "production")]
const BUILT: &[(&str, BusKind)] = &KINDS;
#[cfg(not(feature = "production"))]
const BUILT: &[(&str, BusKind)] = &[("store", BusKind::Store), ("memory", BusKind::Memory)];
const SECONDS_PER_DAY: u64 = 86_400;

/// The settings of the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusConfig {
    /// The technology.
    pub kind: BusKind,
    /// The size of the embedded bus, at most.
    pub max_bytes: u64,
    /// How long messages are kept.
    pub retention: Duration,
    /// After this long without acknowledgement a message is delivered again.
    pub redelivery_timeout: Duration,
    /// Pulsar's broker, `pulsar://host:6650`; empty if the bus is another one.
    pub url: String,
    /// Pulsar's admin API, `http://host:8080`; empty if the bus is another one.
    pub admin_url: String,
    /// Tenant and namespace of the topics at Pulsar.
    pub namespace: String,
    /// The token for broker and admin API.
    pub token: Option<Secret<String>>,
}

impl BusConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let kind = r.choice("bus.kind", &KINDS).unwrap_or(BusKind::Memory);
        refuse_absent(r, "bus.kind", &kind, BUILT, &KINDS);
        let (url, admin_url) = (r.text("bus.url"), r.text("bus.admin_url"));
        if kind == BusKind::Pulsar {
            address(r, "bus.url", &url, &["pulsar://", "pulsar+ssl://"]);
            address(r, "bus.admin_url", &admin_url, &["http://", "https://"]);
        }
        let namespace = r.text("bus.namespace");
        let is_name =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_=:.".contains(c));
        if !namespace.split_once('/').is_some_and(|(tenant, name)| is_name(tenant) && is_name(name)) {
            r.bad("bus.namespace", "a tenant and a namespace, such as public/default");
        }
        Self {
            kind,
            max_bytes: r.int("bus.max_bytes", 1_048_576..=1 << 50),
            retention: Duration::from_secs(r.int("bus.retention_days", 1..=365) * SECONDS_PER_DAY),
            redelivery_timeout: r.millis("bus.redelivery_timeout_ms", 10..=3_600_000),
            url,
            admin_url,
            namespace,
            token: r.secret("bus.token"),
        }
    }

    /// The durable embedded bus is a table of the SQLite file.
    pub(super) fn check(&self, r: &mut Reader<'_>, store: StoreKind) {
        if self.kind == BusKind::Store && store != StoreKind::Sqlite {
            r.combination("`bus.kind` = \"store\" lives inside the SQLite file: set `store.kind` = \"sqlite\", or `bus.kind` = \"memory\"");
        }
    }
}

fn address(r: &mut Reader<'_>, key: &str, url: &str, schemes: &[&str]) {
    let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
    if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['@', '?', '#'])) {
        // Such as a password in a URL, which logs would show.
        r.bad(key, format!("{} with a host and a port; `bus.token` proves who we are", schemes.join(" or ")));
    }
}
