//! The routes of NotificationService (specification 2.2): thin handlers over [`domain::notification`].
//!
//! ```text
//!   inbox     list, read, stream                the caller's own
//!   sending   send, push, resend                role `notify:send`, within a rate of their own
//!   registry  devices, preferences, vapid       the caller's own
//!   outcome   deliveries                        the caller's own; with `notify:send` anybody's
//!   mail      unsubscribe                       no token but the one in the link; within a rate for each source
//!             suppressions                      role `admin`
//! ```
//!
//! Each handler takes an [`Admitted`](super::Admitted) caller, parses at the edge, calls one use case and writes the
//! answer. What commits runs [detached](api) from its request. [`schema`] is the description of what is on the wire.

pub mod api;
mod deliveries;
mod devices;
mod enclosed;
mod list;
mod named;
mod preferences;
mod push;
mod read;
mod reply;
mod resend;
pub mod routes;
pub mod schema;
mod send;
mod source;
mod stream;
mod suppressions;
mod unsubscribe;
mod vapid;

pub use api::{NotificationApi, NotificationApiParts, Rate};
pub use routes::routes;
