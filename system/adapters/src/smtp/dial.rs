//! The socket.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::config::SmtpConfig;
use super::error::SmtpFault;

/// How many addresses of a host are tried.
const ADDRESSES_MAX: usize = 8;

/// Connects to the first address that answers. Each has its share of the time, so that one that swallows packets does not
/// take all of it.
pub(super) async fn dial(config: &SmtpConfig) -> Result<TcpStream, SmtpFault> {
    let deadline = Instant::now() + config.connect_timeout;
    let found = timeout_at(deadline, lookup_host((config.host.as_str(), config.port))).await;
    let found = found.map_err(|_| SmtpFault::Timeout("the look-up of its name"))?;
    let addresses: Vec<_> = found.map_err(|error| SmtpFault::Connect(Arc::new(error)))?.take(ADDRESSES_MAX).collect();
    let mut last = SmtpFault::NoAddress(config.host.clone());
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return without_delay(stream).map_err(|error| SmtpFault::Connect(Arc::new(error))),
            Ok(Err(error)) => last = SmtpFault::Connect(Arc::new(error)),
            Err(_) => last = SmtpFault::Timeout("the connection"),
        }
    }
    Err(last)
}

/// Small writes leave at once: waiting for the acknowledgement of the one before costs 40 ms a mail.
fn without_delay(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}
