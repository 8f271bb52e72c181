//! The backends, and which of them must be there.

/// Backends that must be there, separated by commas.
const REQUIRE: &str = "SMARTPULSE_REQUIRE";

/// A backend of production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Redis 7, a single node or a cluster.
    Redis,
    /// Apache Pulsar 4.0.
    Pulsar,
    /// SQL Server 2022, with its Agent.
    SqlServer,
}

impl Backend {
    /// Its name in `SMARTPULSE_REQUIRE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Pulsar => "pulsar",
            Self::SqlServer => "sqlserver",
        }
    }

    /// Whether its absence is a failure.
    pub fn is_required(self) -> bool {
        self.is_named_in(&std::env::var(REQUIRE).unwrap_or_default())
    }

    fn is_named_in(self, list: &str) -> bool {
        list.split(',').any(|name| name.trim() == self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_whole_words() {
        assert!(Backend::Redis.is_named_in("pulsar, redis"));
        assert!(!Backend::Redis.is_named_in("redis-cluster,pulsar"));
        assert!(!Backend::Pulsar.is_named_in(""));
    }
}
