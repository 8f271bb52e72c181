//! The writer of a section: a change in two steps, its patch, the beacon.
//!
//! One writer at a time, by its fencing token. [`Publisher`] is what a sync service holds; [`Writer`] is for programs
//! without a change feed, which tell each of their changes themselves.

mod bases;
mod error;
mod message;
mod publish;
mod writer;

pub use error::PublishError;
pub use publish::{Publisher, PublisherConfig, SourceChange};
pub use writer::Writer;
