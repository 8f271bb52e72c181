//! Where the servers are: `redis://`, `rediss://`, `unix://`, and the same with `+cluster` for a cluster.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

/// The most servers that a URL may name.
pub const SEEDS_MAX: usize = 64;

/// Why a URL names no servers. Holds nothing of the URL: it may carry a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin as one of Redis does.
    #[error("a URL of Redis begins with redis://, rediss://, unix://, redis+cluster:// or rediss+cluster://")]
    Scheme,
    /// It cannot be read.
    #[error("the URL of Redis cannot be read: {0}")]
    Malformed(String),
    /// It names too many servers.
    #[error("a URL of Redis names at most {SEEDS_MAX} servers, this one names {0}")]
    TooMany(usize),
    /// A cluster has one database.
    #[error("a cluster has database 0 only")]
    Database,
}

/// One server, or those of a cluster that are known beforehand.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) first: ConnectionInfo,
    pub(crate) others: Vec<ConnectionInfo>,
    pub(crate) cluster: bool,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = url.split_once("://").ok_or(AddressError::Scheme)?;
        match scheme {
            "redis" | "rediss" | "unix" => Ok(Self { first: one(url)?, others: Vec::new(), cluster: false }),
            "redis+cluster" | "rediss+cluster" => {
                let mut seeds = cluster(scheme.trim_end_matches("+cluster"), rest)?.into_iter();
                let first = seeds.next().ok_or(AddressError::Scheme)?;
                Ok(Self { first, others: seeds.collect(), cluster: true })
            }
            _ => Err(AddressError::Scheme),
        }
    }
}

fn one(url: &str) -> Result<ConnectionInfo, AddressError> {
    let info = url.into_connection_info().map_err(|error| AddressError::Malformed(error.category().to_owned()))?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    // What each connection speaks is decided where it is made.
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
    Ok(info.set_tcp_settings(tcp).set_redis_settings(redis))
}

fn cluster(scheme: &str, rest: &str) -> Result<Vec<ConnectionInfo>, AddressError> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let hosts: Vec<&str> = hosts.split(',').collect();
    if hosts.len() > SEEDS_MAX {
        return Err(AddressError::TooMany(hosts.len()));
    }
    let seeds: Vec<_> =
        hosts.iter().map(|host| one(&format!("{scheme}://{user}{host}{tail}"))).collect::<Result<_, _>>()?;
    match seeds.iter().any(|seed| seed.redis_settings().db() != 0) {
        true => Err(AddressError::Database),
        false => Ok(seeds),
    }
}

/// Host and port, if it is reached by TCP.
pub(crate) fn endpoint(info: &ConnectionInfo) -> Option<(&str, u16)> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => Some((host, *port)),
        _ => None,
    }
}

/// Another server of the same cluster: reached like `like`, elsewhere.
pub(crate) fn sibling(like: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let addr = match like.addr().clone() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host: host.to_owned(), port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host.to_owned(), port),
    };
    like.clone().set_addr(addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_one_server_or_those_of_a_cluster() {
        let single = Address::parse("redis://user:p%40ss@localhost:7000/2").unwrap();
        assert!(!single.cluster && single.first.tcp_settings().nodelay());
        assert_eq!(single.first.redis_settings().password(), Some("p@ss"));
        assert_eq!(single.first.redis_settings().db(), 2);
        let cluster = Address::parse("redis+cluster://:pw@one:7000,two,[::1]:7002/").unwrap();
        let seeds: Vec<_> = std::iter::once(&cluster.first).chain(&cluster.others).collect();
        let found: Vec<_> = seeds.iter().map(|seed| endpoint(seed).unwrap()).collect();
        assert!(cluster.cluster);
        assert_eq!(found, [("one", 7000), ("two", 6379), ("::1", 7002)]);
        assert!(seeds.iter().all(|seed| seed.redis_settings().password() == Some("pw")));
        assert_eq!(endpoint(&sibling(&cluster.first, "four", 1)), Some(("four", 1)));
    }

    #[test]
    fn what_names_no_servers_is_refused_without_its_secrets() {
        for (url, expected) in [
            ("localhost:6379", AddressError::Scheme),
            ("http://localhost", AddressError::Scheme),
            ("redis+cluster://one,two/3", AddressError::Database),
        ] {
            assert_eq!(Address::parse(url).err(), Some(expected), "{url}");
        }
        let many = vec!["h"; SEEDS_MAX + 1].join(",");
        assert_eq!(
            Address::parse(&format!("redis+cluster://{many}")).err(),
            Some(AddressError::TooMany(SEEDS_MAX + 1))
        );
        for url in ["redis://:s3cret@host:port", "redis://:s3cret@host/x", "redis+cluster://:s3cret@", "redis://"] {
            let error = Address::parse(url).err().unwrap();
            assert!(matches!(error, AddressError::Malformed(_)), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
