//! A listener on the simulated network, as the App takes it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use turmoil::net::{TcpListener, TcpStream};

/// Between a failed acceptance and the next.
const RETRY: Duration = Duration::from_millis(10);

/// Listens on turmoil's TCP.
pub(super) struct SimListener(TcpListener);

impl SimListener {
    pub(super) async fn bind(port: u16) -> io::Result<Self> {
        Ok(Self(TcpListener::bind(("0.0.0.0", port)).await?))
    }
}

impl Listener for SimListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::debug!(%error, "nothing accepted");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
