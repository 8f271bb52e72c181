//! The bus on Pulsar.

use std::sync::Arc;
use std::time::Duration;

use adapters::pulsar::{PulsarBus, PulsarConfig, PulsarToken};
use coherence::Rng;
use futures_util::FutureExt;

use super::error::WiringError;
use crate::app::{Job, JobError};
use crate::config::Config;

/// How often the namespace's retention is looked at: operators change it, and at the start the broker may be away.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);

/// What the adapter is told.
pub(super) fn settings(config: &Config) -> PulsarConfig {
    let settings = &config.bus;
    let defaults = PulsarConfig::new(&settings.url, &settings.admin_url);
    PulsarConfig {
        namespace: settings.namespace.clone(),
        token: settings.token.as_ref().map(|token| PulsarToken::new(token.expose())),
        retention: settings.retention,
        redelivery_timeout: settings.redelivery_timeout,
        ..defaults
    }
}

/// The bus that the configuration names. It connects with the first call: an instance starts without Pulsar.
pub(super) fn bus(config: &Config, rng: &Arc<dyn Rng>) -> Result<PulsarBus, WiringError> {
    Ok(PulsarBus::new(settings(config), Arc::clone(rng))?)
}

/// Sees to the retention.
pub(super) fn retention(bus: &PulsarBus) -> Job {
    let admin = bus.admin();
    Job {
        name: "pulsar-retention",
        every: RETENTION_INTERVAL,
        run: Arc::new(move || {
            let admin = admin.clone();
            async move {
                if admin.ensure_retention().await.map_err(|error| Arc::new(error) as JobError)? {
                    tracing::info!("the retention of Pulsar's namespace was raised");
                }
                Ok(())
            }
            .boxed()
        }),
    }
}
