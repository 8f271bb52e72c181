//! The embedded composition: SQLite (or memory), the bus inside the store, the shared tier inside the process.

use std::path::Path;
use std::sync::Arc;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryNotifications, MemoryStore, MemoryStoreConfig};
use adapters::sqlite::{self, CHECKPOINT_INTERVAL, Migrated, PRUNE_INTERVAL, Restored, Sqlite, SqliteConfig};
use adapters::system::{SystemClock, SystemIds, SystemRng, make_private_folder};
use coherence::backplane::{MemoryBackplane, MemoryBackplaneLimits};
use coherence::shared::{MemorySharedTier, MemorySharedTierLimits};
use coherence::{Rng, WallClock};
use domain::ports::{Bus, Outbox};
use futures_util::FutureExt;

use super::channels::channels;
use super::error::WiringError;
use crate::app::{Job, Ports};
use crate::auth::MemoryTickets;
use crate::config::{BusKind, Config, StoreKind};

/// The embedded composition.
pub struct Embedded {
    /// The ports of the first instance. The others of the process share them, but for the jobs.
    pub ports: Ports,
    sqlite: Option<Sqlite>,
    #[cfg(feature = "production")]
    pulsar: Option<adapters::pulsar::PulsarBus>,
}

impl Embedded {
    /// Opens, and if need be makes or migrates, what the configuration names.
    ///
    /// # Errors
    /// [`WiringError`].
    pub async fn open(config: &Config) -> Result<Self, WiringError> {
        let opened = Self::alone(config).await?;
        #[cfg(feature = "production")]
        let opened = Self { ports: super::redis::shared(config, opened.ports)?, ..opened };
        Ok(opened)
    }

    /// With nothing outside the machine.
    async fn alone(config: &Config) -> Result<Self, WiringError> {
        let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
        let rng: Arc<dyn Rng> = Arc::new(SystemRng::default());
        match (config.store.kind, config.bus.kind) {
            #[cfg(feature = "production")]
            (StoreKind::Sqlite, BusKind::Pulsar) => {
                let pulsar = super::pulsar::bus(config, &rng)?;
                let mut opened = Self::on_sqlite(config, clock, rng).await?;
                opened.ports.bus = Arc::new(pulsar.clone());
                opened.ports.jobs.push(super::pulsar::retention(&pulsar));
                Ok(Self { pulsar: Some(pulsar), ..opened })
            }
            (StoreKind::Sqlite, BusKind::Store | BusKind::Memory) => Self::on_sqlite(config, clock, rng).await,
            (StoreKind::Memory, BusKind::Memory | BusKind::Store) => Self::in_memory(config, clock, rng),
            _ => Err(WiringError::Kinds),
        }
    }

    async fn on_sqlite(config: &Config, clock: Arc<dyn WallClock>, rng: Arc<dyn Rng>) -> Result<Self, WiringError> {
        make_folder_of(&config.store.path)?;
        let sqlite = Sqlite::open(sqlite_settings(config), Arc::clone(&clock)).await?;
        let store = Arc::new(sqlite.store());
        let (bus, outbox): (Arc<dyn Bus>, Option<Arc<dyn Outbox>>) = match config.bus.kind {
            BusKind::Store => (Arc::new(sqlite.bus()), None),
            _ => (Arc::new(memory_bus(config, &clock)), Some(Arc::clone(&store) as _)),
        };
        let ports = Ports {
            leases: Arc::clone(&store) as _,
            parking: Arc::clone(&store) as _,
            outbox,
            store,
            feed: Arc::new(sqlite.feed()),
            notifications: Arc::new(sqlite.notifications()),
            channels: channels(config, &clock)?,
            bus,
            shared: shared(config),
            backplane: backplane(),
            tickets: tickets(config),
            ids: Arc::new(SystemIds::new(Arc::clone(&clock), Arc::clone(&rng))),
            clock,
            rng,
            jobs: vec![checkpoint(sqlite.clone()), prune(sqlite.clone())],
        };
        Ok(Self {
            ports,
            sqlite: Some(sqlite),
            #[cfg(feature = "production")]
            pulsar: None,
        })
    }

    fn in_memory(config: &Config, clock: Arc<dyn WallClock>, rng: Arc<dyn Rng>) -> Result<Self, WiringError> {
        let bus = memory_bus(config, &clock);
        let store = MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), Arc::clone(&clock));
        let ports = Ports {
            store: Arc::new(store.clone()),
            leases: Arc::new(store.clone()),
            parking: Arc::new(store.clone()),
            outbox: None,
            feed: Arc::new(store),
            notifications: Arc::new(MemoryNotifications::bounded(
                config.notifications.files_max_bytes,
                Arc::clone(&clock),
            )),
            channels: channels(config, &clock)?,
            bus: Arc::new(bus),
            shared: shared(config),
            backplane: backplane(),
            tickets: tickets(config),
            ids: Arc::new(SystemIds::new(Arc::clone(&clock), Arc::clone(&rng))),
            clock,
            rng,
            jobs: Vec::new(),
        };
        Ok(Self {
            ports,
            sqlite: None,
            #[cfg(feature = "production")]
            pulsar: None,
        })
    }

    /// The ports of another instance of the same process. What the adapters need done is done once.
    pub fn beside(&self) -> Ports {
        Ports { jobs: Vec::new(), ..self.ports.clone() }
    }

    /// Writes what is still to be written and closes the bus and the database.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(self) -> Result<(), WiringError> {
        #[cfg(feature = "production")]
        if let Some(pulsar) = self.pulsar {
            pulsar.close().await;
        }
        match self.sqlite {
            Some(sqlite) => Ok(sqlite.close().await?),
            None => Ok(()),
        }
    }
}

fn sqlite_settings(config: &Config) -> SqliteConfig {
    let defaults = SqliteConfig::new(&config.store.path);
    SqliteConfig {
        readers: config.store.readers,
        // An operation that waits for a lock ends by itself, and not by its deadline alone.
        busy_timeout: defaults.busy_timeout.min(config.store.timeout / 2),
        retention: config.bus.retention,
        max_bytes: config.bus.max_bytes,
        files_max_bytes: config.notifications.files_max_bytes,
        redelivery_timeout: config.bus.redelivery_timeout,
        outbox: config.bus.kind != BusKind::Store,
        ..defaults
    }
}

/// Makes the database, or brings it to this release's schema.
///
/// # Errors
/// It is another program's or a later release's, or cannot be written.
pub(super) async fn migrate(path: &Path) -> Result<Migrated, WiringError> {
    make_folder_of(path)?;
    Ok(sqlite::migrate_file(path).await?)
}

/// Copies the database of a running or stopped instance to a new file.
///
/// # Errors
/// The target exists, or the database cannot be read.
pub async fn backup(from: &Path, to: &Path) -> Result<(), WiringError> {
    Ok(sqlite::backup(from, to).await?)
}

/// Puts a backup in the place of the database of a stopped instance, which is kept beside it.
///
/// # Errors
/// The backup is not one, or the database is in use.
pub async fn restore(from: &Path, to: &Path) -> Result<Restored, WiringError> {
    make_folder_of(to)?;
    Ok(sqlite::restore(from, to).await?)
}

pub(super) fn memory_bus(config: &Config, clock: &Arc<dyn WallClock>) -> MemoryBus {
    let settings = MemoryBusConfig {
        retention: config.bus.retention,
        max_bytes: config.bus.max_bytes,
        redelivery_timeout: config.bus.redelivery_timeout,
        ..MemoryBusConfig::default()
    };
    MemoryBus::new(settings, Arc::clone(clock))
}

pub(super) fn backplane() -> Arc<MemoryBackplane> {
    Arc::new(MemoryBackplane::new(MemoryBackplaneLimits::default()))
}

pub(super) fn tickets(config: &Config) -> Arc<MemoryTickets> {
    Arc::new(MemoryTickets::new(config.streams.tickets_max))
}

fn make_folder_of(file: &Path) -> Result<(), WiringError> {
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    make_private_folder(folder)
        .map_err(|source| WiringError::Directory { path: folder.to_owned(), source: Arc::new(source) })
}

pub(super) fn shared(config: &Config) -> Arc<MemorySharedTier> {
    let values_bytes = usize::try_from(config.shared.capacity_bytes).unwrap_or(usize::MAX);
    Arc::new(MemorySharedTier::new(MemorySharedTierLimits { values_bytes, ..MemorySharedTierLimits::default() }))
}

fn checkpoint(sqlite: Sqlite) -> Job {
    Job {
        name: "checkpoint",
        every: CHECKPOINT_INTERVAL,
        run: Arc::new(move || {
            let sqlite = sqlite.clone();
            async move { sqlite.checkpoint().await.map_err(|error| Arc::new(error) as _) }.boxed()
        }),
    }
}

fn prune(sqlite: Sqlite) -> Job {
    Job {
        name: "prune",
        every: PRUNE_INTERVAL,
        run: Arc::new(move || {
            let sqlite = sqlite.clone();
            async move { sqlite.prune().await.map(drop).map_err(|error| Arc::new(error) as _) }.boxed()
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Inputs, load};

    #[test]
    fn a_lock_is_not_waited_for_past_the_deadline() {
        let config = load(&Inputs::default()).unwrap().config;
        assert!(super::sqlite_settings(&config).busy_timeout <= config.store.timeout / 2);
    }
}
