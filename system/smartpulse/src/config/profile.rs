//! The profile, and the kinds of store, bus and shared tier that it chooses by default.

use super::layers::{Layers, Source, Value};
use super::reader::Reader;

/// A named set of defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Nothing needs to be installed.
    Embedded,
    /// SQL Server, Pulsar and Redis.
    Production,
}

pub(super) const PROFILES: [(&str, Profile); 2] =
    [("embedded", Profile::Embedded), ("production", Profile::Production)];

impl Profile {
    /// As written in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Profile::Embedded => "embedded",
            Profile::Production => "production",
        }
    }
}

/// Fills the settings that were left to the profile.
pub(super) fn apply(layers: &mut Layers) {
    let text = |layers: &Layers, key: &str| match layers.get(key).map(|leaf| &leaf.value) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let profile = text(layers, "profile");
    let production = profile == Profile::Production.as_str();
    let mut fill = |key: &str, unset: &str, value: &str| {
        if text(layers, key) == unset {
            layers.set_derived(key, Value::Text(value.to_owned()), Source::Profile(profile.clone()));
        }
        text(layers, key)
    };
    let store = fill("store.kind", "", if production { "sqlserver" } else { "sqlite" });
    // The durable embedded bus lives inside the SQLite file; without that file the bus is in memory too.
    let embedded_bus = if store == "sqlite" { "store" } else { "memory" };
    fill("bus.kind", "", if production { "pulsar" } else { embedded_bus });
    fill("shared.kind", "", if production { "redis" } else { "memory" });
    fill("drain.delay_ms", "auto", if production { "5000" } else { "0" });
}

/// A kind that exists, but whose adapter is not in this build.
pub(super) fn refuse_absent<T: PartialEq>(
    reader: &mut Reader<'_>,
    key: &str,
    kind: &T,
    built: &[(&str, T)],
    all: &[(&str, T)],
) {
    if built.iter().any(|(_, known)| known == kind) {
        return;
    }
    let name = all.iter().find(|(_, known)| known == kind).map_or("?", |(name, _)| name);
    let names: Vec<_> = built.iter().map(|(name, _)| format!("{name:?}")).collect();
    let source = reader.source(key);
    reader.combination(format!(
        "`{key}` = {name:?} ({source}) has no adapter in this build, which contains {}: build it with `--features \
         smartpulse/production`",
        names.join(", ")
    ));
}
