//! Section `[mail]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::notification::mail::{MailBatchConfig, MailSenderConfig};
use domain::notification::model::MailAddress;
use domain::ports::CLAIM_LIFE_MAX;

use super::notifications::{Around, is_base};
use super::profile::Profile;
use super::reader::Reader;
use super::roles::InstanceRole;
use super::secret::Secret;

/// Who mails are from where nobody says so: an address that goes nowhere.
const NOBODY: &str = "smartpulse@localhost";
/// How long beyond a mail its claim must live.
const CLAIM_MARGIN: Duration = Duration::from_secs(60);

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// By STARTTLS, which the server must offer.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

const TLS: [(&str, MailTls); 3] =
    [("starttls", MailTls::StartTls), ("implicit", MailTls::Implicit), ("none", MailTls::None)];

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// Certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Who we are to it, with the password.
    pub login: Option<(String, Secret<String>)>,
    /// Whether the password may travel without TLS.
    pub allow_plaintext_login: bool,
    /// How we introduce ourselves.
    pub hello_name: String,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub command_timeout: Duration,
    /// How long a message and its answer may take.
    pub data_timeout: Duration,
}

/// The settings of mails.
#[derive(Debug, Clone, PartialEq)]
pub struct MailSettings {
    /// The way out; `None`: files in `outbox`.
    pub server: Option<MailServer>,
    /// The folder of mails where there is no mail server.
    pub outbox: PathBuf,
    /// Who mails are from.
    pub from: String,
    /// Their name.
    pub from_name: Option<String>,
    /// Where bounces go. `None`: to `from`.
    pub envelope_sender: Option<String>,
    /// How mails are rendered and queued.
    pub batch: MailBatchConfig,
    /// How they are sent.
    pub sender: MailSenderConfig,
}

impl MailSettings {
    pub(super) fn read(r: &mut Reader<'_>, data_dir: &Path) -> Self {
        let server = server(r);
        let from = r.optional("mail.from");
        if let Some(Err(expected)) = from.as_deref().map(MailAddress::new) {
            r.bad("mail.from", expected.trim_start_matches("must be "));
        }
        Self {
            server,
            outbox: r.optional("mail.outbox_dir").map_or_else(|| data_dir.join("outbox"), PathBuf::from),
            from: from.unwrap_or_else(|| NOBODY.to_owned()),
            from_name: r.optional("mail.from_name"),
            envelope_sender: r.optional("mail.envelope_sender"),
            batch: batch(r),
            sender: sender(r),
        }
    }

    pub(super) fn check(&self, r: &mut Reader<'_>, around: &Around<'_>) {
        let sender = &self.sender;
        if sender.claim_life < sender.send_timeout + CLAIM_MARGIN {
            r.combination(
                "`mail.claim_life_s` must be 60 s more than `mail.send_timeout_s`: no mail begins that its claim would not \
                 outlive",
            );
        }
        if self.batch.claim_life < self.batch.window + self.batch.retries.iter().sum::<Duration>() * 2 {
            r.combination(
                "`mail.batch_claim_life_s` is shorter than twice `mail.batch_retry_ms` together with \
                 `mail.batch_window_ms`: another worker would take a batch over",
            );
        }
        if sender.drain > around.drain {
            r.combination("`mail.drain_ms` is longer than `drain.deadline_ms`: mails under way would be cut off");
        }
        if sender.later > sender.later_max {
            r.combination("`mail.later_s` is longer than `mail.later_max_s`");
        }
        let url = sender.unsubscribe_url.as_deref();
        if url.is_some_and(|url| !is_base(url, true)) {
            // RFC 8058, 3.1.
            r.bad("mail.unsubscribe_url", "an https URL without query and fragment");
        }
        if around.profile == Profile::Production && around.roles.has(InstanceRole::MailSend) {
            if self.server.is_none() {
                r.combination("`mail.host` must be set in production (or leave out the role mail-send)");
            }
            if self.from == NOBODY {
                r.combination("`mail.from` must be set in production");
            }
        }
    }
}

fn server(r: &mut Reader<'_>) -> Option<MailServer> {
    let host = r.optional("mail.host");
    let user = r.optional("mail.user");
    let password = r.secret("mail.password");
    let login = match (user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        (user, _) => {
            let missing = if user.is_some() { "`mail.password` or `mail.password_file`" } else { "`mail.user`" };
            r.combination(format!("a login to the mail server has a user and a password: {missing} is not set"));
            None
        }
    };
    let server = MailServer {
        host: host.clone().unwrap_or_default(),
        port: u16::try_from(r.int("mail.port", 1..=65_535)).unwrap_or(u16::MAX),
        tls: r.choice("mail.tls", &TLS).unwrap_or(MailTls::StartTls),
        ca_file: r.optional("mail.ca_file").map(PathBuf::from),
        login,
        allow_plaintext_login: r.flag("mail.allow_plaintext_login"),
        hello_name: r.text("mail.hello_name"),
        connect_timeout: r.millis("mail.connect_timeout_ms", 10..=600_000),
        command_timeout: r.millis("mail.command_timeout_ms", 10..=600_000),
        data_timeout: r.millis("mail.data_timeout_ms", 10..=1_200_000),
    };
    if server.login.is_some() && server.tls == MailTls::None && !server.allow_plaintext_login {
        r.combination(
            "`mail.user` with `mail.tls` = \"none\": the password would travel for everybody to read; if that is meant, \
             set `mail.allow_plaintext_login`",
        );
    }
    host.map(|_| server)
}

fn batch(r: &mut Reader<'_>) -> MailBatchConfig {
    MailBatchConfig {
        size: r.int32("mail.batch_size", 1..=1_000),
        window: r.millis("mail.batch_window_ms", 0..=60_000),
        retries: r.waits("mail.batch_retry_ms"),
        spread: r.fraction("mail.retry_spread", 0.0..=1.0),
        claim_life: r.seconds("mail.batch_claim_life_s", 1..=CLAIM_LIFE_MAX.as_secs()),
    }
}

fn sender(r: &mut Reader<'_>) -> MailSenderConfig {
    MailSenderConfig {
        connections: r.size("mail.connections", 1..=1_000),
        claim_limit: r.int32("mail.claim_limit", 1..=10_000),
        chunk: r.size("mail.chunk", 1..=1_000),
        claim_life: r.seconds("mail.claim_life_s", 1..=CLAIM_LIFE_MAX.as_secs()),
        connect_timeout: r.seconds("mail.session_timeout_s", 1..=3_600),
        send_timeout: r.seconds("mail.send_timeout_s", 1..=CLAIM_LIFE_MAX.as_secs()),
        idle: r.millis("mail.idle_ms", 0..=600_000),
        mails_per_connection: r.int32("mail.mails_per_connection", 1..=1_000_000),
        retries: r.waits("mail.retry_ms"),
        later: r.seconds("mail.later_s", 1..=86_400),
        later_max: r.seconds("mail.later_max_s", 1..=86_400),
        spread: r.fraction("mail.retry_spread", 0.0..=1.0),
        give_up_after: r.seconds("mail.give_up_after_s", 1..=2_592_000),
        drain: r.millis("mail.drain_ms", 0..=600_000),
        unsubscribe_url: r.optional("mail.unsubscribe_url"),
    }
}
