//! What a person must see: logged once, counted, and told by mail, at most once per kind in ten minutes.
//!
//! Parts raise, and go on. The mail is one like any other: `job` puts it into the store; it goes the way of all mails.

mod job;
mod kind;
mod raise;

pub use job::{AlertsConfig, AlertsJob};
pub use kind::AlertKind;
pub use raise::{ALERT_EVERY, AlertStatus, Alerts};
