//! Names to addresses, and only to public ones.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::public::is_public;

/// Look-ups at once. Each occupies a thread until the system answers, and whoever registers endpoints chooses which name
/// servers are asked, also those that never answer.
const LOOKUPS_MAX: usize = 32;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// A name service.
#[async_trait]
pub trait Dns: Send + Sync + 'static {
    /// The addresses of `host`.
    ///
    /// # Errors
    /// It has none, or nobody can say.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's.
#[derive(Debug)]
pub struct SystemDns {
    permits: Arc<Semaphore>,
}

impl Default for SystemDns {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

#[async_trait]
impl Dns for SystemDns {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            // Held by the thread: a caller that gives up does not free it.
            let _permit = permit;
            (host, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
        });
        found.await.map_err(io::Error::other)?
    }
}

/// The name has an address that is not public, or none at all. Which is not said: whoever registers names would learn those
/// of our network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not all addresses of the name are public")]
pub(super) struct NoPublicAddress;

/// Refuses a name with any address that is not public, as the client connects. No push service has such a name beside a
/// public one; whoever tries to reach our network does.
pub(super) struct PublicOnly(pub(super) Arc<dyn Dns>);

/// Passes all addresses on: for origins that the operator listed or configured.
pub(super) struct AnyAddress(pub(super) Arc<dyn Dns>);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = Arc::clone(&self.0);
        Box::pin(async move {
            let found = dns.lookup(name.as_str()).await?;
            if found.is_empty() || !found.iter().all(|&address| is_public(address)) {
                return Err(NoPublicAddress.into());
            }
            Ok(addresses(found))
        })
    }
}

impl Resolve for AnyAddress {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = Arc::clone(&self.0);
        Box::pin(async move { Ok(addresses(dns.lookup(name.as_str()).await?)) })
    }
}

/// Port 0 is replaced by that of the URL.
fn addresses(found: Vec<IpAddr>) -> Addrs {
    Box::new(found.into_iter().take(ADDRESSES_MAX).map(|address| SocketAddr::new(address, 0)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A name that answers first with one list, then with the other.
    struct Rebinding(AtomicUsize, [Vec<IpAddr>; 2]);

    #[async_trait]
    impl Dns for Rebinding {
        async fn lookup(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.1[self.0.fetch_add(1, Ordering::Relaxed).min(1)].clone())
        }
    }

    async fn resolve(guarded: &PublicOnly) -> Result<Vec<String>, String> {
        let found = guarded.resolve("push.example.com".parse().unwrap()).await;
        found.map(|found| found.map(|address| address.to_string()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_that_turns_private_is_refused_when_it_does() {
        let public = vec!["8.8.8.8".parse().unwrap(), "2001:4860:4860::8888".parse().unwrap()];
        let private = vec!["127.0.0.1".parse().unwrap(), "::ffff:10.0.0.1".parse().unwrap()];
        let guarded = PublicOnly(Arc::new(Rebinding(AtomicUsize::new(0), [public, private])));
        assert_eq!(resolve(&guarded).await.unwrap(), ["8.8.8.8:0", "[2001:4860:4860::8888]:0"]);
        assert_eq!(resolve(&guarded).await.unwrap_err(), "not all addresses of the name are public");
    }

    #[tokio::test]
    async fn a_name_of_public_and_private_addresses_is_refused() {
        for mixed in [["8.8.8.8", "10.0.0.1"], ["::1", "8.8.8.8"], ["8.8.8.8", "64:ff9b::7f00:1"]] {
            let mixed: Vec<IpAddr> = mixed.iter().map(|text| text.parse().unwrap()).collect();
            let guarded = PublicOnly(Arc::new(Rebinding(AtomicUsize::new(0), [mixed.clone(), mixed.clone()])));
            assert!(resolve(&guarded).await.is_err(), "{mixed:?}");
        }
        let none = PublicOnly(Arc::new(Rebinding(AtomicUsize::new(0), [Vec::new(), Vec::new()])));
        assert!(resolve(&none).await.is_err());
    }

    #[tokio::test]
    async fn the_systems_own_name_service() {
        let found = SystemDns::default().lookup("localhost").await.unwrap();
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
        let guarded = PublicOnly(Arc::new(SystemDns::default()));
        assert!(guarded.resolve("localhost".parse().unwrap()).await.is_err());
    }
}
