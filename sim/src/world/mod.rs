//! The simulated world: backends whose state outlives their hosts, and instances that run the real App.

mod backends;
mod backup;
mod build;
mod clock;
mod config;
mod guest;
mod instance;
mod listener;
mod notify_host;
mod notify_tuning;
mod provider_ports;
mod providers;
mod shared_host;
mod store_host;
mod time;

pub use backends::{BUS, BUS_PORT, Backends, SHARED, SHARED_PORT, STORE, STORE_PORT};
pub use backup::Backup;
pub use build::{CLIENTS, Fleet, World};
pub use clock::HostClock;
pub use config::{Late, SECRET, Tuning};
pub use guest::{Guest, Visit};
pub use instance::{API_PORT, Instance, Need, instance_name};
pub use notify_host::NotifyHost;
pub use notify_tuning::NotifyTuning;
pub use providers::{ORIGINS, Providers, Trouble, app, browser, text_of};
pub use shared_host::SharedHost;
pub use store_host::StoreHost;
pub use time::{Millis, START_UNIX_S, SimTime, TimeMover};
