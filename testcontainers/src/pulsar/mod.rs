//! A Pulsar broker for suites.
//!
//! `SMARTPULSE_TEST_PULSAR_URL` and `SMARTPULSE_TEST_PULSAR_ADMIN_URL`; a container of `apachepulsar/pulsar`; a local
//! process of the distribution under `PULSAR_HOME`, or where `deploy/local/backends.sh` unpacks it. Each case has a
//! namespace of its own.

mod admin;
mod broker;
mod container;
mod environment;
mod local;

pub use admin::Admin;
pub use broker::Broker;
pub use local::{LocalBroker, folder};

/// The version of the container; the local script brings up the same.
pub const VERSION: &str = "4.0.8";
