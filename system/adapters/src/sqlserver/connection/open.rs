//! How a connection is made.

use tiberius::Client;
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::sqlserver::SqlServerConfig;
use crate::sqlserver::errors::SqlError;

/// The driver's connection.
pub(super) type Wire = Client<Compat<TcpStream>>;

/// A server that only points to another one may do so once.
const REDIRECTIONS_MAX: usize = 1;

/// Makes a connection, within the time that the configuration gives it.
pub(super) async fn open(config: &SqlServerConfig) -> Result<Wire, SqlError> {
    match tokio::time::timeout(config.connect_timeout, Box::pin(connect(config))).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SqlError::Slow("connecting")),
    }
}

async fn connect(config: &SqlServerConfig) -> Result<Wire, SqlError> {
    let mut target = config.target.clone();
    for _ in 0..=REDIRECTIONS_MAX {
        let lost = |error: std::io::Error| SqlError::Connection(error.to_string());
        let stream = TcpStream::connect(target.get_addr()).await.map_err(lost)?;
        // A request and its answer are one exchange: nothing is won by waiting for more to send.
        stream.set_nodelay(true).map_err(lost)?;
        // The driver's futures are large, and unoptimised code copies them from frame to frame: a worker's stack overflows.
        match Box::pin(Client::connect(target.clone(), stream.compat_write())).await {
            // Azure's gateway, or an availability group's listener.
            Err(tiberius::error::Error::Routing { host, port }) => {
                target.host(host);
                target.port(port);
            }
            outcome => return outcome.map_err(SqlError::from),
        }
    }
    Err(SqlError::Connection("the server points to another one again and again".to_owned()))
}
