//! What the profile `production` demands of settings that are no section's own. Sections check what is theirs.

use super::auth::AuthMode;
use super::bus::BusKind;
use super::load::Config;
use super::profile::Profile;
use super::reader::Reader;
use super::secret::Secret;
use super::shared::SharedKind;
use super::store::StoreKind;

/// A secret of so few different characters was typed, not made.
const DISTINCT_MIN: usize = 8;
/// What stands in secrets that were copied from an example.
const EXAMPLES: [&str; 5] = ["changeme", "change-me", "change_me", "example", "0123456789abcdef"];

/// Refuses what works on a desk and fails, or betrays, where others depend on it.
pub(super) fn check(r: &mut Reader<'_>, config: &Config) {
    if config.profile != Profile::Production {
        return;
    }
    kinds(r, config);
    if let AuthMode::Hs256 { secret, previous } = &config.auth.mode {
        for (key, secret) in [("auth.secret", secret), ("auth.previous_secret", previous)] {
            if secret.as_ref().is_some_and(is_an_example) {
                r.combination(format!(
                    "`{key}` looks like an example, which others know too: make one (openssl rand -base64 48)"
                ));
            }
        }
    }
}

/// What lies in one process, or in a file of one machine, is not shared by the instances.
fn kinds(r: &mut Reader<'_>, config: &Config) {
    let mut refuse = |key: &str, is_shared: bool, wanted: &str| {
        if !is_shared {
            let source = r.source(key);
            r.combination(format!("`{key}` ({source}) must be {wanted:?} in production: instances share it"));
        }
    };
    refuse("store.kind", config.store.kind == StoreKind::SqlServer, "sqlserver");
    refuse("bus.kind", config.bus.kind == BusKind::Pulsar, "pulsar");
    refuse("shared.kind", config.shared.kind == SharedKind::Redis, "redis");
}

fn is_an_example(secret: &Secret<String>) -> bool {
    let text = secret.expose().to_lowercase();
    let distinct: std::collections::BTreeSet<char> = text.chars().collect();
    distinct.len() < DISTINCT_MIN || EXAMPLES.iter().any(|example| text.contains(example))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_everybody_knows_are_told_from_made_ones() {
        for known in
            ["change-me-change-me-change-me-change-me", "aaaaaaaabbbbbbbbccccccccdddddddd", "My-Example-Secret-0"]
        {
            assert!(is_an_example(&Secret::new(known.to_owned())), "{known}");
        }
        let made = "9Zk1vQm3uT7wYb5nRd2sHf8gJc4xLp6eAo0iUyKtBqW=";
        assert!(!is_an_example(&Secret::new(made.to_owned())));
    }
}
