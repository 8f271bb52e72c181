//! The one record of a run: what was asked and answered, committed, broken, and noticed. Checks, digest and reports read
//! it and nothing else.

mod event;
mod history;
mod message;
mod notify;

pub use event::{Answer, Ask, Event, LEASE_GREW_WHILE_OPEN, Op, SUSPECT_STORED, Shown, Streamed, Told, Ver, narrow};
pub use history::{Log, Record};
pub use message::Message;
pub(crate) use message::{Messages, Sending};
pub use notify::{Acceptance, InboxRow, MAIL, Notified, Outcome, Part, Reply, Work};
