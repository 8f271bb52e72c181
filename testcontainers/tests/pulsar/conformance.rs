//! `domain::conformance::bus`, the functions that memory and SQLite pass.

use std::sync::Arc;
use std::time::Duration;

use adapters::pulsar::{PulsarBus, PulsarConfig};
use async_trait::async_trait;
use containers::pulsar::Broker;
use domain::conformance::bus::{self, BusHarness};
use domain::ports::{Bus, Store};

use crate::support;

struct Pulsar {
    bus: PulsarBus,
    config: PulsarConfig,
}

#[async_trait]
impl BusHarness for Pulsar {
    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    async fn reopen(&mut self) {
        self.bus.close().await;
        self.bus = support::bus(&self.config);
    }

    fn store(&self) -> Option<Arc<dyn Store>> {
        None
    }

    fn redelivery_timeout(&self) -> Duration {
        self.config.redelivery_timeout
    }

    fn redelivery_delay(&self) -> Duration {
        self.config.redelivery_delay
    }

    fn compacts(&self) -> bool {
        false
    }
}

pub(crate) fn the_bus_conforms(broker: &Broker) {
    support::block_on(bus::run_all(async || {
        let config = support::config(broker);
        let bus = support::bus(&config);
        assert!(bus.admin().ensure_retention().await.unwrap());
        Pulsar { bus, config }
    }));
}
