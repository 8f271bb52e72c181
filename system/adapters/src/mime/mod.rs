//! A mail as the bytes of RFC 5322: what goes to a mail server and into the outbox of files alike.
//!
//! lettre builds them, over values that were checked before: it panics at a display name with a line break, and its
//! boundaries are random. Ours are made from the message id, and begin with `=_`, which neither quoted-printable nor
//! base64, the only encodings used, can hold (RFC 2045, 6.7): so the same mail is the same bytes, and no text can end
//! its part.

mod address;
#[cfg(test)]
mod agreement;
mod compose;
mod sender;

pub use sender::{Sender, SenderError};

pub(crate) use address::checked as checked_address;
pub(crate) use compose::{Composed, compose};
