//! Mails: from the intents to the queue, and from the queue to the mail server (DESIGN section 6, specification 5.1).
//!
//! ```text
//!   intents ──up to 100, or 100 ms──> rendered ──one transaction──> NheaMailQueue
//!   NheaMailQueue ──claim──> `sending`, committed ──DATA──> sent | later | failed | unknown
//! ```
//!
//! What stands as `sending` when its sender is gone may have been sent: SMTP cannot tell (RFC 1047). It is held for a
//! person, or sent again where its template says so. Rows are marked in small chunks, each right before it goes: a crash
//! leaves at most [`MailSenderConfig::chunk`] of them per connection.
//!
//! - `worker`: MailBatchWorker; `sender`: the loop of the role `mail-send`; `batch`: the mails of one claim over one
//!   connection; `outcome`: what an answer of the mail server leads to; `config`, `status`: the edges

mod batch;
mod config;
mod outcome;
mod sender;
mod status;
mod worker;

pub use config::{MailBatchConfig, MailSenderConfig};
pub use sender::MailSender;
pub use status::{MailBatchStatus, MailBatchStatusHandle, MailSenderStatus, MailSenderStatusHandle};
pub use worker::MailBatchWorker;
