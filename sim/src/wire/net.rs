//! What a host needs of the network.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use turmoil::net::TcpStream;

use super::slab::Slab;
use super::stream::FaultyStream;
use super::weather::Weather;
use crate::log::Log;
use crate::world::SimTime;

/// A connection to a stopped host would never come about.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(400);

/// The network as one host sees it.
#[derive(Clone)]
pub struct Net {
    /// This host's name.
    pub host: Arc<str>,
    /// The switches of the nemesis.
    pub weather: Arc<Weather>,
    /// The arguments of frames.
    pub slab: Arc<Slab>,
    /// The log.
    pub log: Log,
    /// Simulated time.
    pub time: Arc<SimTime>,
}

impl Net {
    /// The same network as another host sees it.
    #[must_use]
    pub fn at(&self, host: &str) -> Self {
        Self { host: host.into(), ..self.clone() }
    }

    /// Connects to `to`.
    ///
    /// # Errors
    /// No connection in time.
    pub async fn dial(&self, to: &str, port: u16) -> io::Result<FaultyStream> {
        self.weather.walk(&self.host, to);
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((to, port))).await;
        let stream = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(FaultyStream::new(stream, &self.host, to, Arc::clone(&self.weather)))
    }

    /// Writes to the log as this host.
    pub fn mark(&self, name: &str) {
        self.log.mark(&self.host, name);
    }
}
