//! What can be wrong with the settings, and why a connection ended.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use domain::ports::MailError;

/// The settings cannot be used. All of these stop the start.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SmtpSetupError {
    /// A setting is not one.
    #[error("smtp.{field}: {reason}")]
    Setting {
        /// Which.
        field: &'static str,
        /// Why.
        reason: String,
    },
    /// A password would travel for everybody to read.
    #[error("smtp: a login without TLS; if that is meant, allow it")]
    PlaintextLogin,
    /// The extra certificates cannot be read.
    #[error("smtp: the certificates in {path} cannot be read: {reason}")]
    ExtraCa {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("smtp: no TLS")]
    Tls(#[source] rustls::Error),
}

/// Why there is no connection, or no longer: the source of [`MailError::Unreachable`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum SmtpFault {
    /// The host has no address.
    #[error("the host {0:?} has no address")]
    NoAddress(String),
    /// Its name could not be looked up, or no address answered.
    #[error("no connection: {0}")]
    Connect(#[source] Arc<io::Error>),
    /// The handshake failed.
    #[error("no TLS: {0}")]
    Tls(#[source] Arc<io::Error>),
    /// The server did not answer in time.
    #[error("no answer in time to {0}")]
    Timeout(&'static str),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[source] Arc<io::Error>),
    /// The server closed the connection.
    #[error("the mail server closed the connection")]
    Closed,
    /// What came is no reply, or not one to what was sent.
    #[error("not an answer of SMTP: {0}")]
    Protocol(String),
    /// TLS is required, and the server does not offer it.
    #[error("the mail server does not offer STARTTLS")]
    NoStartTls,
    /// Something was sent between STARTTLS and the handshake, by whoever stands in between.
    #[error("the mail server sent more than its answer to STARTTLS")]
    Injected,
    /// The server offers no way to log in that we know.
    #[error("the mail server offers neither AUTH PLAIN nor AUTH LOGIN")]
    NoAuth,
    /// The session ended before.
    #[error("the session is over")]
    Over,
}

impl From<SmtpFault> for MailError {
    fn from(fault: SmtpFault) -> Self {
        Self::Unreachable(Some(Arc::new(fault)))
    }
}
