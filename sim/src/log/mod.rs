//! The one record of a run: what was asked and answered, committed, broken, and noticed. Checks, digest and reports read
//! it and nothing else.

mod event;
mod history;

pub use event::{Answer, Ask, Event, Op, Shown, Streamed, Told, Ver, narrow};
pub use history::{Log, Record};
