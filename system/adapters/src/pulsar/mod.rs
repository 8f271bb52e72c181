//! The bus on Apache Pulsar (crate pulsar 6.9).
//!
//! Each consumer and each producer has a client of its own, so a connection of its own. Two reasons: the crate leaves
//! Nagle's algorithm on, so that on a shared connection an acknowledgement holds up the next send for 40 ms; and a client
//! that is stuck in the middle of connecting can be thrown away without harm to anybody else.
//!
//! [`attachment`] is one stay on a subscription. The crate would join again by itself after a loss, say nothing, and give
//! up for ever after a while, also without a word. Here the first sign of a loss ends the attachment, and the
//! [`consumer`] says `Lost`, makes another one, and says `Restored`. [`window`] is what was received and is not
//! acknowledged: an exclusive subscription redelivers from there, since the broker would not keep the order; a shared one
//! gives late messages back to the broker, so that another consumer may have them.
//!
//! We publish no batches. Of those that others publish, an entry is acknowledged at the broker once all its messages are
//! ([`batches`]).
//!
//! What differs from other buses: nothing is compacted ([`COMPACTED`](domain::ports::COMPACTED) messages are retained as
//! all others are); `published_at` is by the publisher's clock; `redeliveries` counts what this consumer saw; a consumer
//! of another process that sits on a deleted subscription makes it anew.

mod admin;
mod attachment;
mod batches;
mod bus;
mod client;
mod config;
mod consumer;
mod errors;
mod examine;
mod executor;
mod message;
mod names;
mod newest;
mod places;
mod producers;
mod window;

pub use admin::PulsarAdmin;
pub use bus::PulsarBus;
pub use config::{PulsarConfig, PulsarToken};
pub use examine::{PulsarExamination, measure_round_trips};
