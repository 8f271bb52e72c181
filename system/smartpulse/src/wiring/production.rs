//! The composition of production: the store on SQL Server, the bus on Pulsar, the shared tier on Redis. With SQL Server as the
//! store, bus and shared tier may also be those of one process, as for a developer with nothing but a database.

use std::sync::Arc;

use adapters::pulsar::PulsarBus;
use adapters::sqlserver::SqlServer;
use adapters::system::{SystemClock, SystemIds, SystemRng};
use coherence::{Rng, WallClock};
use domain::ports::Bus;

use super::channels::channels;
use super::error::WiringError;
use super::{embedded, pulsar, redis, sqlserver};
use crate::app::Ports;
use crate::config::{BusKind, Config};

/// The open backends.
pub(super) struct Production {
    pub(super) ports: Ports,
    server: SqlServer,
    pulsar: Option<PulsarBus>,
}

impl Production {
    pub(super) async fn open(config: &Config) -> Result<Self, WiringError> {
        let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
        let rng: Arc<dyn Rng> = Arc::new(SystemRng::default());
        // What needs no connection first: its mistakes are found without one.
        let channels = channels(config, &clock)?;
        let (bus, pulsar): (Arc<dyn Bus>, _) = match config.bus.kind {
            BusKind::Pulsar => {
                let pulsar = pulsar::bus(config, &rng)?;
                (Arc::new(pulsar.clone()), Some(pulsar))
            }
            BusKind::Memory => (Arc::new(embedded::memory_bus(config, &clock)), None),
            BusKind::Store => return Err(WiringError::Kinds),
        };
        let server = sqlserver::open(config, Arc::clone(&clock)).await?;
        let store = Arc::new(server.store());
        let mut jobs = vec![sqlserver::prune(server.clone())];
        jobs.extend(pulsar.as_ref().map(pulsar::retention));
        let ports = Ports {
            leases: Arc::clone(&store) as _,
            parking: Arc::clone(&store) as _,
            // The bus is elsewhere: events are rows of the outbox first.
            outbox: Some(Arc::clone(&store) as _),
            feed: Arc::new(server.feed()),
            store,
            notifications: Arc::new(server.notifications()),
            channels,
            bus,
            shared: embedded::shared(config),
            backplane: embedded::backplane(),
            tickets: embedded::tickets(config),
            ids: Arc::new(SystemIds::new(Arc::clone(&clock), Arc::clone(&rng))),
            clock,
            rng,
            jobs,
        };
        Ok(Self { ports: redis::shared(config, ports)?, server, pulsar })
    }

    pub(super) async fn close(self) {
        if let Some(pulsar) = self.pulsar {
            pulsar.close().await;
        }
        self.server.close();
    }
}
