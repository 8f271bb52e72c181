//! The configuration: commented defaults compiled in, then a file, then the environment, then flags.
//!
//! All of them are flattened to `section.key` ([`layers`]), each leaf with its source, so that an error can name it and
//! `smartpulse config print` can show it. The profile fills what was left to it ([`profile`]). Then each section reads
//! its own settings and checks them with their neighbours'; what is wrong is collected and reported at once.
//!
//! A new setting is a key with a comment in `default.toml` and a line in its section's `read`; a test fails when one of
//! the two is missing.

mod auth;
mod bus;
mod cache;
mod cdc;
mod error;
mod http;
mod layers;
mod limits;
mod load;
mod mail;
mod notifications;
mod pipeline;
mod production;
mod profile;
mod push;
mod reader;
mod roles;
mod secret;
mod shared;
mod store;
mod streams;

pub use auth::{AuthConfig, AuthMode, SECRET_BYTES_MIN};
pub use bus::{BusConfig, BusKind};
pub use cache::{CacheConfig, CacheFreshness};
pub use cdc::{CdcConfig, CdcMode};
pub use error::{ConfigError, ConfigErrors};
pub use http::{HttpConfig, InternalConfig};
pub use layers::{Layers, Leaf, Source, Value};
pub use limits::{DrainConfig, LimitsConfig, LogConfig, LogFormat, SampleConfig};
pub(crate) use load::without_credentials;
pub use load::{Config, DEFAULT_TOML, FILE_NAME, Inputs, Loaded, Override, load, misnamed_variables, read_file};
pub use mail::{MailServer, MailSettings, MailTls};
pub use notifications::{AlertSettings, NotificationsConfig, RateSettings};
pub use pipeline::{FollowerSettings, LeaseConfig, MonitorSettings, SyncSettings, TrackerSettings};
pub use profile::Profile;
pub use push::{FcmSettings, PushSettings};
pub use roles::{INSTANCES_MAX, InstanceRole, Roles};
pub use secret::Secret;
pub use shared::{SharedConfig, SharedKind};
pub use store::{StoreConfig, StoreKind};
pub use streams::StreamsConfig;

use load::SECRETS;
