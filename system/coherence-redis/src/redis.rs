//! What users hold: the servers, once, for everything that speaks with them.

use std::sync::Arc;

use coherence::{Backplane, SharedError, SharedTier, WallClock};

use crate::address::{Address, AddressError};
use crate::backplane::RedisBackplane;
use crate::config::RedisConfig;
use crate::examine::{ServerExamination, examine};
use crate::one_time::OneTime;
use crate::servers::Servers;
use crate::shared_tier::RedisSharedTier;

/// One Redis server or one cluster. Clones share its connections.
#[derive(Clone)]
pub struct Redis {
    servers: Arc<Servers>,
}

impl Redis {
    /// The servers at `url`: `redis://[user:password@]host[:port][/database]`, `rediss://` with TLS (feature `tls`),
    /// `unix://path`, or for a cluster `redis+cluster://[user:password@]host[:port][,host[:port]...]`, which names some of
    /// its servers. Connects with its first call, so that a program starts without Redis.
    ///
    /// # Errors
    /// [`AddressError`] if that is no such URL.
    pub fn open(url: &str, config: RedisConfig) -> Result<Self, AddressError> {
        Ok(Self { servers: Arc::new(Servers::new(Address::parse(url)?, config)) })
    }

    /// L3 on it.
    pub fn shared_tier(&self) -> Arc<dyn SharedTier> {
        Arc::new(RedisSharedTier::new(Arc::clone(&self.servers)))
    }

    /// Things that are good once, under names that begin with `kind`.
    pub fn one_time(&self, kind: &'static str) -> OneTime {
        OneTime::new(Arc::clone(&self.servers), kind)
    }

    /// What every master says about itself; of one server, that one. Changes nothing; each question has the deadline of a call.
    ///
    /// # Errors
    /// One of them cannot be asked, or a cluster is not whole.
    pub async fn examine(&self, clock: &dyn WallClock) -> Result<Vec<ServerExamination>, SharedError> {
        Ok(examine(&self.servers, clock).await?)
    }

    /// The backplane on it.
    pub fn backplane(&self) -> Arc<dyn Backplane> {
        Arc::new(RedisBackplane::new(Arc::clone(&self.servers)))
    }
}
