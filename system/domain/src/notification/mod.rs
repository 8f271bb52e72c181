//! The notification service: in-app, push and mail, three channels that never hurt each other (DESIGN section 6).
//!
//! ```text
//!   forecast:completed ──consumer──┐                        ┌──> live ──> open streams
//!   POST /notifications ───────────┴─> operations ──one transaction──> store
//!                                                   ┌────────┼──────────────┐
//!                                                 inbox   push intents   mail intents
//!                                                manager  PushSender     MailBatchWorker ──> queue ──> MailSender
//! ```
//!
//! An event is acknowledged after one transaction that holds all that it leads to, keyed by event and user. From there each
//! channel works from the store, by claims that end by themselves: a crash loses nothing, a redelivery adds nothing, a dead
//! provider delays only itself.
//!
//! - `model`: values; the store is [`NotificationStore`](crate::ports::NotificationStore)
//! - `operations`, `manager`, `registry`: the use cases
//! - `consumer`, `push`, `mail`, `live`, `alerts`, `janitor`: the jobs, each with a status
//! - `ports`: what they need and share; `meter`: what metrics are made of
//!
//! Nothing here knows forecasts: the two services meet on the bus.

pub mod alerts;
mod consumer;
mod error;
mod janitor;
pub mod live;
pub mod mail;
mod manager;
mod meter;
pub mod model;
pub mod operations;
mod ports;
pub mod push;
mod registry;

pub use consumer::{COMPLETED_SUBSCRIPTION, CompletedConsumer, ConsumerStatus, ConsumerStatusHandle};
pub use error::NotificationError;
pub use janitor::{NotificationJanitor, Retention};
pub use manager::{INBOX_SKIP_MAX, NotificationManager};
pub use meter::{Delivered, DeliveryMeter};
pub use ports::{NotificationPorts, POLL_EVERY, Shared};
pub use registry::Registry;
