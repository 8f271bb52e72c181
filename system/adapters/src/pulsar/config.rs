//! What can be set about Pulsar.

use std::fmt;
use std::time::Duration;

/// Settings of [`super::PulsarBus`]. [`PulsarConfig::new`] gives the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulsarConfig {
    /// The broker, `pulsar://host:6650` or `pulsar+ssl://host:6651`.
    pub url: String,
    /// The admin API, `http://host:8080` or `https://host:8443`.
    pub admin_url: String,
    /// Tenant and namespace of all topics, `public/default`.
    pub namespace: String,
    /// The token that proves who we are, to broker and admin API.
    pub token: Option<PulsarToken>,
    /// Certificates in PEM that are trusted besides the public ones; for the broker's TLS.
    pub extra_ca: Option<Vec<u8>>,
    /// How long topics retain what was acknowledged. The broker keeps what was not as long as it takes.
    pub retention: Duration,
    /// A message that is not acknowledged for so long is delivered again.
    pub redelivery_timeout: Duration,
    /// A message that a consumer gave back is delivered again after this time.
    pub redelivery_delay: Duration,
    /// How many messages a consumer holds without an acknowledgement; then new ones wait at the broker.
    pub unacked_max: usize,
    /// A message of a shared subscription that was given back so often goes to the dead letter topic
    /// `<topic>-<subscription>-DLQ`. Use cases park what they cannot work on long before, and give back while their store is
    /// away: so more than an outage of a day makes of it.
    pub dead_letter_after: u32,
    /// How long a call to the broker may take. A caller's own deadline may be shorter.
    pub operation_timeout: Duration,
    /// How often a connection is pinged. One that is silent for this and `operation_timeout` is lost.
    pub keep_alive: Duration,
    /// How often a consumer that waits for an exclusive subscription tries.
    pub standby_interval: Duration,
}

impl PulsarConfig {
    /// The defaults for a broker and its admin API.
    pub fn new(url: impl Into<String>, admin_url: impl Into<String>) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            url: url.into(),
            admin_url: admin_url.into(),
            namespace: "public/default".to_owned(),
            token: None,
            extra_ca: None,
            retention: 7 * DAY,
            redelivery_timeout: Duration::from_secs(60),
            redelivery_delay: Duration::from_secs(1),
            unacked_max: 1_000,
            dead_letter_after: 10_000,
            operation_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(2),
            standby_interval: Duration::from_millis(200),
        }
    }
}

/// A bearer token, which nothing shows.
#[derive(Clone, PartialEq, Eq)]
pub struct PulsarToken(String);

impl PulsarToken {
    /// Wraps a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PulsarToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let config = PulsarConfig { token: Some(PulsarToken::new("hunter2")), ..PulsarConfig::new("a", "b") };
        let shown = format!("{config:?}");
        assert!(shown.contains("***") && !shown.contains("hunter2"), "{shown}");
    }
}
