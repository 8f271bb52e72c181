//! Mail: templates and the way to a mail server.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

/// Names a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateId(pub String);

/// What becomes of a mail of which nobody knows whether the mail server took it (a crash between DATA and its answer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownPolicy {
    /// It is left for a person: at most once. The default.
    Hold,
    /// It is sent again: at least once.
    Resend,
}

/// The values that a template names: `userName`, `alertMessage`, `forecastLink` (specification 5.1).
pub type TemplateData = BTreeMap<String, String>;

/// A mail as a template made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Why a template could not be rendered. Never retried: the same data fail again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// There is no such template.
    #[error("there is no template {0:?}")]
    Unknown(String),
    /// A value is missing, or the template is too costly.
    #[error("template {template:?}: {reason}")]
    Failed {
        /// Which.
        template: String,
        /// Why.
        reason: String,
    },
}

/// Renders templates. They are checked when the process starts.
pub trait MailTemplates: Send + Sync + 'static {
    /// Renders `template`; each value that it names must be there.
    ///
    /// # Errors
    /// See [`RenderError`].
    fn render(&self, template: &TemplateId, data: &TemplateData) -> Result<RenderedMail, RenderError>;

    /// What becomes of a mail of this template whose fate is unknown.
    fn unknown_policy(&self, template: &TemplateId) -> UnknownPolicy;
}

/// A file that goes with a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: bytes::Bytes,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").field("name", &self.name).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// A mail on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// The local part of its `Message-ID`: from the row of the queue, the same at each attempt. Up to 60 letters, digits,
    /// `-` and `_`.
    pub message_id: String,
    /// The recipient's address.
    pub to: String,
    /// The recipient's name.
    pub to_name: Option<String>,
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// Where one click ends the subscription (RFC 8058), an https URL.
    pub unsubscribe: Option<String>,
}

/// The mail server took a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReceipt {
    /// Its answer, cut.
    pub answer: String,
}

/// What an attempt came to, if the mail was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MailError {
    /// 4xx: later, perhaps.
    #[error("the mail server refuses for now ({code}): {answer}")]
    Transient {
        /// The reply code.
        code: u16,
        /// Its words, cut.
        answer: String,
    },
    /// 5xx: never. A recipient that is refused for good is not written to again.
    #[error("the mail server refuses ({code}): {answer}")]
    Permanent {
        /// The reply code.
        code: u16,
        /// Its words, cut.
        answer: String,
        /// Whether it is the recipient that it refuses: the answer to RCPT TO, unless that blames something else (us,
        /// our server, a missing login).
        recipient: bool,
    },
    /// No connection, or it broke before the end of the message was under way: the server has not taken it.
    #[error("the mail server cannot be reached")]
    Unreachable(#[source] Option<Arc<dyn std::error::Error + Send + Sync>>),
    /// The connection broke, or time ran out, after the end of the message was under way: nobody knows whether it was
    /// taken (RFC 1047).
    #[error("the mail server may have taken the message")]
    Unknown,
    /// The mail cannot be one: an address that is none, a header with a line break.
    #[error("not a mail: {0}")]
    Invalid(String),
}

impl MailError {
    /// Whether the same attempt may succeed later, and cannot lead to a second copy.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::Unreachable(_))
    }
}

/// The way to a mail server. Its deadlines are its own: only a transport knows whether a mail can have been taken when one
/// of them ends. Whoever calls it may give up on a whole call, and then knows nothing ([`Unknown`](MailError::Unknown)).
#[async_trait]
pub trait MailTransport: Send + Sync + 'static {
    /// A connection over which mails can go, one after the other. Whoever holds it may keep it while there is work.
    ///
    /// # Errors
    /// [`Unreachable`](MailError::Unreachable), or a refusal of the greeting or of our credentials.
    async fn connect(&self) -> Result<Box<dyn MailSession>, MailError>;
}

/// A connection to a mail server.
#[async_trait]
pub trait MailSession: Send {
    /// Sends one mail. After [`Unreachable`](MailError::Unreachable) and [`Unknown`](MailError::Unknown) the session is
    /// over, and it may be after others ([`is_over`](Self::is_over)): a server that goes away says so with a refusal.
    /// Dropping the future abandons the session; the mail may have been taken.
    ///
    /// # Errors
    /// What came of it, if it was not accepted.
    async fn send(&mut self, mail: &OutgoingMail) -> Result<MailReceipt, MailError>;

    /// Whether it takes no further mail.
    fn is_over(&self) -> bool;

    /// Says good-bye.
    async fn quit(self: Box<Self>);
}
