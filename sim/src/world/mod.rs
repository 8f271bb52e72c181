//! The simulated world: backends whose state outlives their hosts, and instances that run the real App.

mod backends;
mod backup;
mod build;
mod clock;
mod config;
mod instance;
mod listener;
mod shared_host;
mod store_host;
mod time;

pub use backends::{BUS, BUS_PORT, Backends, SHARED, SHARED_PORT, STORE, STORE_PORT};
pub use backup::Backup;
pub use build::{CLIENTS, Fleet, World};
pub use clock::HostClock;
pub use config::{SECRET, Tuning};
pub use instance::{API_PORT, Instance, Need, instance_name};
pub use shared_host::SharedHost;
pub use store_host::StoreHost;
pub use time::{Millis, START_UNIX_S, SimTime, TimeMover};
