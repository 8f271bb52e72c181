//! Whom a connection is made to.

use std::net::SocketAddr;

use crate::http::Tls;

/// An address, and TLS where it is asked for.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// TLS to it.
    pub tls: Option<Tls>,
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }
}
