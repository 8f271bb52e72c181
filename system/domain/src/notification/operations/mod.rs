//! NotificationOperations: what is to be told becomes one transaction; the channels work from there (DESIGN section 6).
//!
//! - `send`: a message to a user; `push`: the same to devices only, with their results; `event`: a completed forecast, to
//!   all who want to know; `mail`: a mail with files; `log`: what became of it, and sending it again
//! - `accept`: the transaction, the wake-ups, and the one line in the log; `request`: requests that their callers named

mod accept;
mod config;
mod event;
mod log;
mod mail;
mod push;
mod request;
mod send;

pub use accept::NotificationOperations;
pub use config::OperationsConfig;
pub use event::{RECIPIENTS_PER_TRANSACTION, Told};
pub use mail::MailRequest;
pub use push::{PUSH_WAIT_MAX, PushResult, PushSummary};
pub use request::{ANSWER_LIFE, NamedRequest, REQUEST_KEY_BYTES_MAX};
pub use send::{Message, SentMessage};
