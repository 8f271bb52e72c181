//! As much of HTTP/1.1 as a load generator needs: replies parsed from a buffer, and a small blocking client for what is not
//! measured (preflight, seeding, scrapes). No TLS: put a local proxy before a target that wants it.

mod blocking;
mod reply;
mod url;

pub use blocking::{Answer, BlockingClient, HttpError, Stream};
pub use reply::{Level, Malformed, Reply, Version, parse};
pub use url::{BadUrl, BaseUrl};
