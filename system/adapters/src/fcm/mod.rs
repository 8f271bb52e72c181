//! Firebase Cloud Messaging, HTTP v1.
//!
//! [`message`] is the specification's object in v1's envelope (ruling 18), [`account`] the service account that signs for
//! us, [`tokens`] the access token that Google gives for it: fetched once for however many sends wait for it, and anew
//! before it ends. [`errors`] says what an answer means, [`FcmGateway`] puts them together.
//!
//! The URLs of Google's API and of its token service come from the operator (configuration, service-account file), never
//! from users, so their addresses are not judged: a proxy or an emulator inside the network is legitimate. They must be
//! `https` nevertheless, for they are given credentials, unless their origin is one of the listed private ones.

mod account;
mod errors;
mod gateway;
mod message;
mod tokens;

pub use account::{AccountError, ServiceAccount};
pub use gateway::{FcmConfig, FcmError, FcmGateway};
pub use message::message;
