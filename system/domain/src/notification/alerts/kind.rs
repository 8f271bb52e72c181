//! The kinds of alerts.

use std::fmt;

/// Why a person must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertKind {
    /// A push service refuses our credentials.
    UnauthorizedSender,
    /// So many devices seem gone that none is removed any more.
    MassRemoval,
    /// An event could not be worked on, and is parked.
    DeadLetter,
    /// A push service has not taken messages, after all attempts.
    PushFailing,
    /// The mail server cannot be reached, or refuses us.
    MailSenderDown,
    /// Mails are refused, or cannot be rendered.
    MailFailing,
    /// Nobody knows whether mails were sent; they are held.
    MailUnknown,
}

impl AlertKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::UnauthorizedSender,
        Self::MassRemoval,
        Self::DeadLetter,
        Self::PushFailing,
        Self::MailSenderDown,
        Self::MailFailing,
        Self::MailUnknown,
    ];

    /// Its name, fit for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnauthorizedSender => "unauthorized_sender",
            Self::MassRemoval => "mass_removal",
            Self::DeadLetter => "dead_letter",
            Self::PushFailing => "push_failing",
            Self::MailSenderDown => "mail_sender_down",
            Self::MailFailing => "mail_failing",
            Self::MailUnknown => "mail_unknown",
        }
    }

    /// What it means, in a line.
    pub const fn about(self) -> &'static str {
        match self {
            Self::UnauthorizedSender => "A push service refuses our credentials",
            Self::MassRemoval => "Too many devices seem gone: none is removed any more",
            Self::DeadLetter => "An event could not be worked on and is parked",
            Self::PushFailing => "A push service does not take messages",
            Self::MailSenderDown => "The mail server cannot be reached",
            Self::MailFailing => "Mails are refused or cannot be rendered",
            Self::MailUnknown => "Nobody knows whether some mails were sent; they are held",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
