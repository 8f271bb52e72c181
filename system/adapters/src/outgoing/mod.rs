//! HTTP to push services: where it may go, how it is sent, and how an answer is read.
//!
//! An endpoint of Web Push is text that a user gave us, and this process asks it from inside our network. So the
//! [`AddressPolicy`] judges its URL when a device is registered and again before each attempt, and the resolver of the
//! client refuses every name that has an address that is not public at the moment of connecting: a name that was public when it was
//! registered may be private now. Literal addresses never reach a resolver; the policy judges those. No redirect is
//! followed, no proxy is taken from the environment, and of a body only the first 16 KiB are read, for a second.
//!
//! Errors and answers hold no capability: URLs are taken out of the client's errors, and what a service says is cut and
//! cleaned of whatever looks like a token.

// With one of the two features alone, what only the other uses is idle.
#![cfg_attr(not(all(feature = "webpush", feature = "fcm")), allow(dead_code, unused_imports))]

mod answer;
mod client;
mod dns;
mod failure;
mod fair_dns;
mod fit;
mod jwt;
mod pem;
mod policy;
mod public;
mod retry_after;
mod words;

pub(crate) use answer::Answer;
pub use client::{ClientError, Outgoing, tls_of_platform};
pub(crate) use client::{operator_client, post};
pub use dns::{Dns, SystemDns};
pub use fair_dns::FairDns;
pub(crate) use fit::{cut, json_bytes};
pub(crate) use jwt::Jwt;
pub(crate) use pem::{der_of_pem, pem_of_der};
pub use policy::{AddressError, AddressPolicy, Endpoint};
pub use public::is_public;
pub(crate) use words::reason;
