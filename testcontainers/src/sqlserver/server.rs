//! A server, wherever it runs.

use std::time::{Duration, Instant};

use adapters::sqlserver::{SqlServerConfig, examine};
use adapters::system::SystemClock;
use testcontainers::{Container, GenericImage};

use super::{container, environment};
use crate::{Absence, Backend, Server, first_of};

/// How long a server may take until it serves.
const START_MAX: Duration = Duration::from_secs(180);
const RETRY: Duration = Duration::from_secs(1);

/// A server that answers.
pub struct SqlServer {
    connection: String,
    /// Ends when it is dropped.
    _container: Option<Box<Container<GenericImage>>>,
}

impl SqlServer {
    /// The server of a suite, found when a case asks for it.
    pub fn server() -> Server<Self> {
        Server::new(Backend::SqlServer, || first_of(&[environment::find, container::find]))
    }

    pub(super) fn elsewhere(connection: String) -> Result<Self, Absence> {
        serves(&connection)?;
        Ok(Self { connection, _container: None })
    }

    pub(super) fn container(connection: String, container: Container<GenericImage>) -> Result<Self, Absence> {
        serves(&connection)?;
        Ok(Self { connection, _container: Some(Box::new(container)) })
    }

    /// The connection string; its login may create databases.
    pub fn connection(&self) -> &str {
        &self.connection
    }
}

/// Waits until a login works.
fn serves(connection: &str) -> Result<(), Absence> {
    let broken = |what: String| Absence::Broken(format!("SQL Server: {what}"));
    let config = SqlServerConfig::new(connection).map_err(|error| broken(error.to_string()))?;
    let config = config.with_database("master");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| broken(error.to_string()))?;
    let since = Instant::now();
    loop {
        match runtime.block_on(examine(&config, &SystemClock)) {
            Ok(_) => return Ok(()),
            Err(error) if since.elapsed() > START_MAX => return Err(broken(format!("{error:?}"))),
            Err(_) => std::thread::sleep(RETRY),
        }
    }
}
