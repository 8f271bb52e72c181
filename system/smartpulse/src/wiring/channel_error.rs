//! Why a channel of the notification service cannot be built: each names its setting.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapters::fcm::{AccountError, FcmError};
use adapters::mime::SenderError;
use adapters::outbox_files::OutboxFilesError;
use adapters::outgoing::{AddressError, ClientError};
use adapters::smtp::SmtpSetupError;
use adapters::templates::TemplatesError;
use adapters::webpush::{SubjectError, VapidKeyError};

/// Why a channel cannot be built.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChannelError {
    /// An origin that is none.
    #[error("`push.allowed_private_origins`: {0}")]
    PrivateOrigins(#[source] AddressError),
    /// Who answers for messages.
    #[error("`push.subject`: {0}")]
    Subject(#[source] SubjectError),
    /// The key of Web Push.
    #[error("the VAPID key {path} (`push.vapid_key_file`; `smartpulse vapid-keys --out FILE` makes one)")]
    Key {
        /// Its file.
        path: PathBuf,
        /// Why it cannot be had.
        #[source]
        error: VapidKeyError,
    },
    /// No client.
    #[error("push services cannot be reached")]
    Client(#[source] ClientError),
    /// The account's file cannot be read.
    #[error("`fcm.service_account_file`: cannot read {path}")]
    AccountFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// The account's file is none.
    #[error("`fcm.service_account_file` {path}")]
    Account {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: AccountError,
    },
    /// A URL of FCM.
    #[error("`[fcm]`")]
    Fcm(#[source] FcmError),
    /// Who mails are from.
    #[error("`mail.from` and `mail.from_name`")]
    Sender(#[source] SenderError),
    /// The folder of mails.
    #[error("`mail.outbox_dir`")]
    Outbox(#[source] OutboxFilesError),
    /// The mail server's settings.
    #[error("`[mail]`")]
    Smtp(#[source] SmtpSetupError),
    /// The sender would give up on a mail of which the transport would have known more.
    #[error(
        "`mail.send_timeout_s` is {} s, and must be more than the {} s that the deadlines of a connection can take together \
         (`mail.command_timeout_ms`, `mail.data_timeout_ms`): of a mail that is broken off nobody knows whether it was taken",
        send.as_secs(), needed.as_secs_f64()
    )]
    Impatient {
        /// What is set.
        send: Duration,
        /// What is needed.
        needed: Duration,
    },
    /// The sender would give up on a connection that may still come.
    #[error(
        "`mail.session_timeout_s` is {} s, and must be more than twice `mail.connect_timeout_ms` and once \
         `mail.command_timeout_ms`: {} s",
        session.as_secs(), needed.as_secs_f64()
    )]
    ImpatientSession {
        /// What is set.
        session: Duration,
        /// What is needed.
        needed: Duration,
    },
    /// The templates.
    #[error("`notifications.templates_dir`")]
    Templates(#[source] TemplatesError),
    /// A template that is named and not there.
    #[error("`alerts.template`: there is no template {0:?}")]
    NoTemplate(String),
}
