//! The texts of mails: minijinja templates as files, each with a text and an HTML part.
//!
//! The defaults are built in (`system/adapters/templates`); a folder's files replace them by name and may add others.
//! Everything is checked when the process starts, by rendering each part once: syntax, both parts, no value that nobody
//! gives, no filter that does not exist, no loop that does not end. So what can still fail later is a value that is
//! missing or far too long.
//!
//! Values are data, never markup: the HTML part escapes them, and a link must be an http one, because an escaped
//! `javascript:` is still one. Headers are not made here.

mod catalogue;
mod check;
mod error;
mod front;
mod limits;
mod render;

pub use error::TemplatesError;
pub use render::Templates;
