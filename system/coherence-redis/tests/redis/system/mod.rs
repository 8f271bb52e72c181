//! A small system on Redis, under load: a source with a feed, one sync, nodes that read, and judges of what they show.

mod node;
mod running;
mod source;
mod sync;

pub(crate) use running::Running;
pub(crate) use source::{Machine, Source, body, key, section};
pub(crate) use sync::{change, publisher};
