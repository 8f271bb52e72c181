//! Base URLs of targets.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};

/// `http://host:port`, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    host: String,
    port: u16,
}

/// Not a base URL that can be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {reason}")]
pub struct BadUrl {
    /// What was given.
    pub url: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl BaseUrl {
    /// Reads a base URL; a path of `/` is allowed.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let bad = |reason| BadUrl { url: text.to_owned(), reason };
        if text.starts_with("https://") {
            return Err(bad("TLS is not spoken here; name a plain http:// address behind the proxy that ends it"));
        }
        let rest = text.strip_prefix("http://").ok_or_else(|| bad("must begin with http://"))?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('/') || authority.contains('@') || authority.contains('?') {
            return Err(bad("must be http://host:port alone"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| bad("the port is not a number up to 65535"))?)
            }
            _ => (authority, 80),
        };
        if host.is_empty() || host.bytes().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
            return Err(bad("names no host"));
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// The base URL of an address.
    pub fn of(address: SocketAddr) -> Self {
        let host = if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() };
        Self { host, port: address.port() }
    }

    /// `host:port`, as the `Host` header says it.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The same host with another port.
    pub fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }

    /// The first address that the host's name has.
    ///
    /// # Errors
    /// The name has none.
    pub fn resolve(&self) -> std::io::Result<SocketAddr> {
        let none = || std::io::Error::new(std::io::ErrorKind::NotFound, format!("{} has no address", self.host));
        self.authority().to_socket_addrs()?.next().ok_or_else(none)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_taken() {
        for (text, authority) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://staging/", "staging:80"),
            ("http://[::1]:9", "[::1]:9"),
            ("http://[::1]", "[::1]:80"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().authority(), authority);
        }
        for bad in
            ["", "127.0.0.1:80", "https://a", "http://", "http://a/b", "http://a:b", "http://u@a", "http://a:70000"]
        {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
