//! What the cases share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use adapters::pulsar::{PulsarBus, PulsarConfig};
use adapters::system::SystemRng;
use containers::pulsar::Broker;
use uuid::Uuid;

/// Runs a case on a runtime of its own.
pub fn block_on<T>(case: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(case)
}

/// Settings for a namespace that nobody else uses; messages come again soon.
pub fn config(broker: &Broker) -> PulsarConfig {
    let namespace = broker.admin().make_namespace(&format!("n{}", Uuid::new_v4().simple()));
    PulsarConfig {
        namespace,
        redelivery_timeout: Duration::from_millis(800),
        redelivery_delay: Duration::from_millis(100),
        ..PulsarConfig::new(broker.url(), broker.admin().url())
    }
}

pub fn bus(config: &PulsarConfig) -> PulsarBus {
    PulsarBus::new(config.clone(), Arc::new(SystemRng::default())).unwrap()
}
