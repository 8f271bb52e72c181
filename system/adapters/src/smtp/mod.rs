//! The way to a mail server: SMTP (RFC 5321) over a socket of our own.
//!
//! lettre builds the messages, and does not speak to the server. What a sender must know, whether the server can have
//! taken a message, needs command-level control; and in lettre 0.11.23 a reply of spaces panics, a line without an end
//! is read until memory is, replies that are not UTF-8 break the connection, what a server sends between STARTTLS and
//! the handshake is taken for an encrypted answer, a message's end is a write of its own (22 mails a second without
//! TCP_NODELAY), and the commands wait for each other. Here MAIL, RCPT and DATA go together where the server allows it
//! (RFC 2920): two round trips for a mail instead of four.
//!
//! [`Smtp`] is the port: `connect` gives a session, greeted, encrypted and authenticated. Until the write that holds the
//! final dot begins, the server cannot have taken a message, and a broken connection is
//! [`Unreachable`](domain::ports::MailError::Unreachable); from then on, until its answer is read, it is
//! [`Unknown`](domain::ports::MailError::Unknown). Pools, queues and retries are not here.

mod auth;
mod config;
mod connect;
mod dial;
mod error;
mod hello;
mod reply;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod wire;

pub use config::{Password, SmtpConfig, SmtpLogin, TlsMode};
pub use connect::Smtp;
pub use error::{SmtpFault, SmtpSetupError};
