//! As much of HTTP/1.1 as a load generator needs: replies parsed from a buffer, and a small blocking client for what is not
//! measured (preflight, seeding, scrapes). TLS by rustls, where a URL asks for it.

mod blocking;
mod reply;
mod tls;
mod url;

pub use blocking::{Answer, BlockingClient, HttpError, Stream};
pub use reply::{Level, Malformed, Reply, Version, parse};
pub use tls::{Tls, Trust, TrustError};
pub use url::{BadUrl, BaseUrl};
