//! Sections `[notifications]` and `[alerts]`: the notification service, and what its operators are told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::notification::Retention;
use domain::notification::model::MailAddress;

use super::profile::Profile;
use super::reader::Reader;
use super::roles::{InstanceRole, Roles};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateSettings {
    /// A second, over time; 0 is no limit.
    pub per_s: u32,
    /// At once, before the rate holds.
    pub burst: u32,
}

/// The settings of the notification service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationsConfig {
    /// Where its API listens.
    pub listen: SocketAddr,
    /// Begins the links in mails; no slash at its end. `None`: the addresses of the two APIs.
    pub public_base_url: Option<String>,
    /// A folder of templates over the built-in ones.
    pub templates: Option<PathBuf>,
    /// How many messages one caller may send.
    pub sends: RateSettings,
    /// How often somebody may unsubscribe from one address.
    pub unsubscribes: RateSettings,
    /// How many bytes of files may wait with mails that are not sent.
    pub files_max_bytes: u64,
    /// What is kept for how long.
    pub retention: Retention,
}

impl NotificationsConfig {
    /// Without an address of its own it listens one port above the forecast API.
    pub(super) fn read(r: &mut Reader<'_>, api: SocketAddr) -> Self {
        let days = |r: &mut Reader<'_>, key: &str| DAY * r.int32(key, 1..=36_500);
        let base = r.optional("notifications.public_base_url");
        Self {
            listen: match r.optional("notifications.listen") {
                Some(_) => r.address("notifications.listen"),
                None => beside(api),
            },
            public_base_url: base.map(|base| base.trim_end_matches('/').to_owned()),
            templates: r.optional("notifications.templates_dir").map(PathBuf::from),
            sends: RateSettings {
                per_s: r.int32("notifications.sends_per_s", 0..=1_000_000),
                burst: r.int32("notifications.sends_burst", 1..=1_000_000),
            },
            unsubscribes: RateSettings {
                per_s: r.int32("notifications.unsubscribes_per_s", 0..=1_000_000),
                burst: r.int32("notifications.unsubscribes_burst", 1..=1_000_000),
            },
            // One request may have 10 MB of them.
            files_max_bytes: r.int("notifications.files_max_bytes", 16_777_216..=1 << 50),
            retention: Retention {
                deliveries: days(r, "notifications.deliveries_days"),
                inbox: days(r, "notifications.inbox_days"),
                acceptances: days(r, "notifications.acceptances_days"),
                every: r.seconds("notifications.prune_every_s", 1..=86_400),
            },
        }
    }

    pub(super) fn check(&self, r: &mut Reader<'_>, around: &Around<'_>) {
        for (key, other) in [("http.listen", around.api), ("internal.listen", around.internal)] {
            if self.listen == other && self.listen.port() != 0 {
                r.combination(format!("`notifications.listen` and `{key}` are both {other}; give them two addresses"));
            }
        }
        if self.retention.acceptances <= around.bus_retention {
            r.combination(
                "`notifications.acceptances_days` must be more than `bus.retention_days`: an event that the bus delivers \
                 again would be told again",
            );
        }
        let is_production = around.profile == Profile::Production;
        match &self.public_base_url {
            Some(url) if !is_base(url, is_production) => {
                let expected = if is_production { "an https URL" } else { "an http or https URL" };
                r.bad("notifications.public_base_url", format!("{expected} without query and fragment"));
            }
            None if is_production && around.roles.has(InstanceRole::NotificationWorker) => {
                r.combination(
                    "`notifications.public_base_url` must be set in production: links in mails begin with it",
                );
            }
            _ => {}
        }
    }
}

/// What the notification service is checked with.
pub(super) struct Around<'a> {
    pub(super) profile: Profile,
    pub(super) roles: &'a Roles,
    pub(super) api: SocketAddr,
    pub(super) internal: SocketAddr,
    pub(super) bus_retention: Duration,
    pub(super) drain: Duration,
}

/// The next port, and any for any.
fn beside(api: SocketAddr) -> SocketAddr {
    let port = if api.port() == 0 { 0 } else { api.port().wrapping_add(1).max(1) };
    SocketAddr::new(api.ip(), port)
}

/// Whether text can follow: scheme, host and perhaps a path.
pub(super) fn is_base(url: &str, https_only: bool) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let scheme = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => !https_only,
        _ => false,
    };
    let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    scheme && is_plain && uri.query().is_none() && !url.contains('#')
}

/// The settings of the mails to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSettings {
    /// Who is told; `None`: the log alone.
    pub address: Option<MailAddress>,
    /// The template of the mail.
    pub template: String,
}

impl AlertSettings {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let address = r.optional("alerts.address").map(MailAddress::new).transpose();
        let address = address.unwrap_or_else(|expected| {
            r.bad("alerts.address", expected.trim_start_matches("must be "));
            None
        });
        Self { address, template: r.text("alerts.template") }
    }

    /// Where others depend on it, a person must hear of what nobody looks for in a log.
    pub(super) fn check(&self, r: &mut Reader<'_>, around: &Around<'_>) {
        let has = |role| around.roles.has(role);
        let raises = has(InstanceRole::NotificationWorker) || has(InstanceRole::MailSend);
        if around.profile == Profile::Production && raises && self.address.is_none() {
            r.combination(
                "`alerts.address` must be set in production: refused credentials, parked events and a mail server that is \
                 away are told by mail",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_beside_the_forecast_api() {
        let next = |address: &str| beside(address.parse().unwrap()).to_string();
        assert_eq!(next("127.0.0.1:8080"), "127.0.0.1:8081");
        assert_eq!(next("[::1]:0"), "[::1]:0", "any free one stays any free one");
        assert_eq!(next("0.0.0.0:65535"), "0.0.0.0:1");
    }

    #[test]
    fn what_text_can_follow() {
        for (url, embedded, production) in [
            ("https://a.example", true, true),
            ("https://a.example/app", true, true),
            ("http://127.0.0.1:8080", true, false),
            ("https://a.example/?x=1", false, false),
            ("https://a.example/#x", false, false),
            ("https://u@a.example", false, false),
            ("ftp://a.example", false, false),
            ("a.example", false, false),
        ] {
            assert_eq!((is_base(url, false), is_base(url, true)), (embedded, production), "{url}");
        }
    }
}
