//! Where a request comes from, for the routes that nobody needs a token for.

use std::any::Any;
use std::net::IpAddr;

use axum::extract::Request;
use tokio::net::TcpStream;

use super::edge::CAPABILITY;

/// The address at the other end of the connection. Behind a proxy it is the proxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source(pub(crate) IpAddr);

impl Source {
    /// That of a connection, if it is one of TCP.
    pub(crate) fn of(io: &dyn Any) -> Option<Self> {
        let address = io.downcast_ref::<TcpStream>()?.peer_addr().ok()?;
        Some(Self(address.ip()))
    }

    /// Leaves it in the extensions of a request that it matters to. Others do without: extensions cost an allocation.
    pub(crate) fn mark(source: Option<Self>, request: &mut Request) {
        if let Some(source) = source.filter(|_| request.uri().path().starts_with(CAPABILITY)) {
            request.extensions_mut().insert(source);
        }
    }
}
