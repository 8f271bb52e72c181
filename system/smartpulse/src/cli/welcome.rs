//! What a start shows: where everything is and, where the secret is our own, lines that can be pasted in a shell.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use domain::model::ForecastId;

use super::token::DEFAULT_USER;
use crate::serve::reachable;

/// The demand that the printed PATCH sets; no day of the sample has it.
const CHANGED_DEMAND: &str = "1234.5";

const BEARER: &str = "-H \"Authorization: Bearer $TOKEN\"";
const JSON: &str = "-H 'Content-Type: application/json'";
/// A body ends without a newline, which grep adds; a header's carriage return stays invisible.
const SHOWN: &str = "| grep -iE '^(x-cache-level|x-version|\\{)'";

/// Where an instance listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Addresses {
    /// The API.
    pub(super) api: SocketAddr,
    /// The notification API, where it is served.
    pub(super) notifications: Option<SocketAddr>,
    /// Metrics and admin.
    pub(super) internal: SocketAddr,
}

/// What there is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Welcome {
    /// Where the instances listen; at least one.
    pub(super) addresses: Vec<Addresses>,
    /// The profile, and where the data is.
    pub(super) about: String,
    /// A token for everything; only where the secret was made here and only this machine can use it, for whoever sits at it.
    pub(super) token: Option<String>,
    /// Whether tokens are signed here.
    pub(super) signs: bool,
    /// A forecast of the sample, if the store holds it.
    pub(super) sample: Option<ForecastId>,
    /// The folder of mails, where there is no mail server.
    pub(super) outbox: Option<PathBuf>,
}

impl Welcome {
    pub(super) fn text(&self) -> String {
        let mut text = format!("SmartPulse {}, {}\n\n", env!("CARGO_PKG_VERSION"), self.about);
        let Some(first) = self.addresses.first() else { return text };
        let api = reachable(first.api);
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<15} {value}");
        };
        line("API", format!("http://{api}/api/forecasts"));
        line("Docs", format!("http://{api}/docs"));
        line("OpenAPI", format!("http://{api}/openapi.json"));
        line("Health", format!("http://{api}/health/ready"));
        if let Some(notifications) = first.notifications.map(reachable) {
            line("Notifications", format!("http://{notifications}/api/notifications"));
            line("Their-docs", format!("http://{notifications}/docs"));
        }
        if let Some(outbox) = &self.outbox {
            line("Mails", format!("no mail server is set (mail.host): .eml files in {}", outbox.display()));
        }
        line("Metrics", format!("http://{}/metrics", reachable(first.internal)));
        for (number, other) in (2..).zip(&self.addresses[1..]) {
            line(&format!("API-{number}"), format!("http://{}/api/forecasts", reachable(other.api)));
            if let Some(notifications) = other.notifications.map(reachable) {
                line(&format!("Notifications-{number}"), format!("http://{notifications}/api/notifications"));
            }
            line(&format!("Metrics-{number}"), format!("http://{}/metrics", reachable(other.internal)));
        }
        text.push('\n');
        match &self.token {
            Some(token) => self.push_lines(&mut text, token, api, first.notifications.map(reachable)),
            None if self.signs => text.push_str("`smartpulse token` makes a token.\n\nCtrl-C ends it.\n"),
            None => text.push_str("Ctrl-C ends it.\n"),
        }
        text
    }

    fn push_lines(&self, text: &mut String, token: &str, api: SocketAddr, notifications: Option<SocketAddr>) {
        match self.sample {
            None => {
                let _ = write!(
                    text,
                    "The store holds no sample. `smartpulse import FILE.csv --url http://{api}` brings in a table; this \
                     lists:\n\nexport TOKEN={token}\ncurl -si {BEARER} http://{api}/api/forecasts {SHOWN}\n"
                );
            }
            Some(id) => {
                let url = format!("http://{api}/api/forecasts/{id}");
                let get = format!("curl -si {BEARER} {url} {SHOWN}");
                let _ = write!(
                    text,
                    "Paste these into a shell. They read a forecast of the sample from the shared tier or the store (L3, \
                     L4) and then from the\ncache (L1), change it, and read it again. The token does everything, for a \
                     day.\n\nexport TOKEN={token}\n{get}\n{get}\n\
                     curl -si -X PATCH {BEARER} {JSON} -d '{{\"demand\": {CHANGED_DEMAND}}}' {url} {SHOWN}\n{get}\n"
                );
            }
        }
        if let Some(notifications) = notifications {
            let url = format!("http://{notifications}/api/notifications");
            let _ = write!(
                text,
                "\nThese tell you something over all channels, and show your inbox. Push and mail know you once you have \
                 a device, and\nan address (`smartpulse import-directory --help`).\n\n\
                 curl -si -X POST {BEARER} {JSON} -d '{{\"userId\": \"{DEFAULT_USER}\", \"title\": \"Hello\", \"body\": \
                 \"It works\", \"channels\": \"All\"}}' {url} {SHOWN}\ncurl -si {BEARER} {url} {SHOWN}\n"
            );
        }
        text.push_str("\nCtrl-C ends it.\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn welcome(token: Option<&str>, sample: Option<ForecastId>) -> String {
        let addresses = vec![
            Addresses { api: address("0.0.0.0:80"), notifications: None, internal: address("[::]:90") },
            Addresses {
                api: address("0.0.0.0:81"),
                notifications: Some(address("0.0.0.0:82")),
                internal: address("[::]:91"),
            },
        ];
        let token = token.map(str::to_owned);
        Welcome { addresses, about: "embedded".to_owned(), token, signs: true, sample, outbox: None }.text()
    }

    #[test]
    fn urls_can_be_called_and_a_token_is_shown_only_if_there_is_one() {
        let text = welcome(None, Some(ForecastId(uuid::Uuid::nil())));
        assert!(text.contains("http://127.0.0.1:80/docs") && text.contains("http://[::1]:90/metrics"), "{text}");
        assert!(text.contains("http://127.0.0.1:81/api") && text.contains("http://[::1]:91/metrics"), "{text}");
        assert!(text.contains("`smartpulse token` makes a token."), "{text}");
        assert!(!text.contains("TOKEN") && !text.contains("curl"), "{text}");
    }

    #[test]
    fn without_the_sample_no_forecast_is_named() {
        let text = welcome(Some("abc"), None);
        assert!(text.contains("export TOKEN=abc") && text.contains("smartpulse import"), "{text}");
        assert!(!text.contains("/api/forecasts/"), "{text}");
        let text = welcome(Some("abc"), Some(ForecastId(uuid::Uuid::nil())));
        assert_eq!(text.matches("\ncurl ").count(), 4, "the first instance serves no notifications");
    }
}
