//! A listener to which nobody connects: for instances whose routers are asked directly.

use axum::serve::Listener;
use tokio::io::DuplexStream;

/// Nobody connects: the routers are asked directly.
#[derive(Debug)]
pub struct Silence;

impl Listener for Silence {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        std::future::pending().await
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}
