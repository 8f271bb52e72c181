//! Base URLs of targets.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};

use super::tls::{Tls, Trust};

/// `http://host:port` or `https://host:port`, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    host: String,
    port: u16,
    tls: Option<Tls>,
}

/// Not a base URL that can be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {reason}")]
pub struct BadUrl {
    /// What was given.
    pub url: String,
    /// What is wrong with it.
    pub reason: String,
}

impl BaseUrl {
    /// Reads a base URL; a path of `/` is allowed. With `https` those are trusted whom the machine trusts.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        Self::parse_trusting(text, None)
    }

    /// The same, with `https` to whom `trust` says.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn parse_trusting(text: &str, trust: Option<&Trust>) -> Result<Self, BadUrl> {
        let bad = |reason: &str| BadUrl { url: text.to_owned(), reason: reason.to_owned() };
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(bad("must begin with http:// or https://")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('/') || authority.contains('@') || authority.contains('?') {
            return Err(bad("must be scheme://host:port alone"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| bad("the port is not a number up to 65535"))?)
            }
            _ => (authority, if secure { 443 } else { 80 }),
        };
        if host.is_empty() || host.bytes().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
            return Err(bad("names no host"));
        }
        let tls = match (secure, trust) {
            (false, _) => None,
            (true, Some(trust)) => Some(trust.clone()),
            (true, None) => Some(Trust::of(None).map_err(|error| bad(&error.to_string()))?),
        };
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let tls = tls.map(|trust| Tls::to(name, &trust).ok_or_else(|| bad("names no host of TLS"))).transpose()?;
        Ok(Self { host: host.to_owned(), port, tls })
    }

    /// TLS to it, where it asks for that.
    pub const fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The base URL of an address.
    pub fn of(address: SocketAddr) -> Self {
        let host = if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() };
        Self { host, port: address.port(), tls: None }
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
        Self { host: self.host.clone(), port, tls: self.tls.clone() }
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
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_addresses_are_taken() {
        for (text, authority) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://staging/", "staging:80"),
            ("http://[::1]:9", "[::1]:9"),
            ("http://[::1]", "[::1]:80"),
            ("https://staging", "staging:443"),
            ("https://[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().authority(), authority);
        }
        for bad in [
            "",
            "127.0.0.1:80",
            "ftp://a",
            "https://",
            "http://",
            "http://a/b",
            "http://a:b",
            "http://u@a",
            "http://a:70000",
        ] {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
