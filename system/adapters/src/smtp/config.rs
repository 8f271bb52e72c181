//! What can be set about the way to the mail server.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How long a server's last words are waited for: they came before the connection broke, or not at all.
pub(super) const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Not at all: for a relay on this machine, or a sink of a test.
    None,
    /// By STARTTLS (RFC 3207), usually on port 587. Required: a server that does not offer it gets no mail.
    StartTls,
    /// From the first byte (RFC 8314), usually on port 465.
    Implicit,
}

/// A password, which no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps it.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who we are to the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpLogin {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Password,
    /// Whether it may travel without TLS. Otherwise such a configuration is refused.
    pub allow_plaintext: bool,
}

/// Settings of the way to the mail server. [`SmtpConfig::new`] gives the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpConfig {
    /// The server's name or address; its certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: TlsMode,
    /// A file with certificates (PEM) that are trusted beside the system's.
    pub extra_ca: Option<PathBuf>,
    /// Who we are to it; without, nobody.
    pub login: Option<SmtpLogin>,
    /// How we introduce ourselves: our full host name, or an address in brackets (RFC 5321, 4.1.3).
    pub hello_name: String,
    /// The address that bounces go to; empty asks for none (RFC 5321, 4.5.5). Without, the sender's.
    pub envelope_sender: Option<String>,
    /// How long connecting may take, over all addresses of the host; and as long again for the TLS handshake.
    pub connect_timeout: Duration,
    /// How long the server may take to greet and to answer a command; MAIL, RCPT and DATA are one to this. RFC 5321,
    /// 4.5.3.2 grants five minutes; a queue that tries again need not be so patient.
    pub command_timeout: Duration,
    /// How long sending a message and its answer may take. RFC 5321, 4.5.3.2.6 grants ten minutes to the answer, and means
    /// it: who gives up earlier does not know whether the message was taken. Leases of mails that are being sent must be
    /// longer.
    pub data_timeout: Duration,
}

impl SmtpConfig {
    /// The defaults for the server `host`: port 587, STARTTLS, nobody's login.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: 587,
            tls: TlsMode::StartTls,
            extra_ca: None,
            login: None,
            hello_name: "[127.0.0.1]".to_owned(),
            envelope_sender: None,
            connect_timeout: Duration::from_secs(10),
            command_timeout: Duration::from_secs(60),
            data_timeout: Duration::from_secs(600),
        }
    }

    /// The longest that sending one mail can take. Whoever gives up earlier learns nothing of its fate.
    pub fn longest_send(&self) -> Duration {
        // What goes before it, and then the message and a server's last words, or the end of nothing and RSET.
        self.command_timeout + (self.data_timeout + LAST_WORDS_TIMEOUT).max(2 * self.command_timeout)
    }
}
