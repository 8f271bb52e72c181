//! The backends: their state, which the harness owns, and the software of their hosts.

use std::sync::Arc;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryNotifications, MemoryStore, MemoryStoreConfig};
use coherence::WallClock;

use super::clock::HostClock;
use super::config::Tuning;
use super::notify_host::NotifyHost;
use super::shared_host::SharedHost;
use super::store_host::StoreHost;
use crate::wire::{Net, Orphans, serve};

/// The store's host.
pub const STORE: &str = "store";
/// The store's port.
pub const STORE_PORT: u16 = 1433;
/// The bus's host.
pub const BUS: &str = "bus";
/// The bus's port.
pub const BUS_PORT: u16 = 6650;
/// The shared tier's host.
pub const SHARED: &str = "shared";
/// The shared tier's port.
pub const SHARED_PORT: u16 = 6379;

/// What survives the crash of its host.
#[derive(Clone)]
pub struct Backends {
    /// Rows, feed, leases, parking, outbox, kept answers.
    pub store: StoreHost,
    /// The bus.
    pub bus: MemoryBus,
    bus_net: Net,
    /// Shared tier and backplane.
    pub shared: SharedHost,
    /// The store's clock.
    pub store_clock: HostClock,
}

impl Backends {
    /// Empty backends.
    pub fn new(net: &Net, tuning: &Tuning) -> Self {
        let store_clock = HostClock::new(Arc::clone(&net.time));
        let wall: Arc<dyn WallClock> = Arc::new(store_clock.clone());
        let notifications = MemoryNotifications::new(Arc::clone(&wall));
        let bus_config = MemoryBusConfig {
            redelivery_timeout: tuning.redelivery,
            redelivery_delay: tuning.redelivery_delay,
            unacked_max: tuning.unacked_max,
            ..MemoryBusConfig::default()
        };
        let bus_clock: Arc<dyn WallClock> = Arc::new(HostClock::new(Arc::clone(&net.time)));
        Self {
            store: StoreHost::new(
                MemoryStore::with_outbox(MemoryStoreConfig::default(), wall),
                NotifyHost::new(notifications, net.at(STORE)),
                net.at(STORE),
                tuning.coalesces,
            ),
            bus: MemoryBus::new(bus_config, bus_clock),
            bus_net: net.at(BUS),
            shared: SharedHost::new(net.at(SHARED), tuning.stream_messages),
            store_clock,
        }
    }

    /// The software of the store's host.
    pub(super) async fn run_store(self) -> turmoil::Result {
        Ok(serve(self.store.net.clone(), STORE_PORT, self.store, Orphans::RollBack).await?)
    }

    /// The software of the bus's host.
    pub(super) async fn run_bus(self) -> turmoil::Result {
        Ok(serve(self.bus_net, BUS_PORT, self.bus, Orphans::Finish).await?)
    }

    /// The software of the shared tier's host.
    pub(super) async fn run_shared(self) -> turmoil::Result {
        Ok(serve(self.shared.net.clone(), SHARED_PORT, self.shared, Orphans::Finish).await?)
    }
}
