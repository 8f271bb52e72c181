//! Mails as `.eml` files in a folder, for a system without a mail server: any mail program opens them.
//!
//! A file appears whole or not at all, under a name that begins with its time, and only its owner may read it. The folder
//! is bounded: when it is full the oldest mails go, because nobody waits for them, while a full folder that refused would
//! stop the mails of a system that is only being tried out. Files that are not ours are neither counted nor removed.

mod folder;
mod transport;

pub use transport::{OutboxFiles, OutboxFilesConfig, OutboxFilesError};
