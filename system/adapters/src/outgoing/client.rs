//! The HTTP clients.

use std::sync::Arc;
use std::time::Duration;

use coherence::WallClock;
use domain::ports::PushError;
use reqwest::Client;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use rustls_platform_verifier::BuilderVerifierExt;

use super::answer::Answer;
use super::dns::{AnyAddress, Dns, PublicOnly};
use super::failure::failure;
use super::policy::{AddressError, AddressPolicy, Endpoint};

/// Attempts have a deadline of their own; this one ends a connection that nobody waits for any more.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections kept for each origin. How many are busy is bounded by the sender's limit per origin; with HTTP/2,
/// which all the large push services have, it is one.
const IDLE_PER_ORIGIN_MAX: usize = 32;
/// Users choose the origins, so an unused one must not keep its connections for long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// One HTTP/2 connection carries all messages to a service: when its other end is gone without a word, that must show
/// before many attempts have waited in vain.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(3);
const USER_AGENT: &str = "smartpulse";

/// An HTTP client cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// TLS.
    #[error("no TLS: {0}")]
    Tls(rustls::Error),
    /// Anything else.
    #[error("no HTTP client: {0}")]
    Build(Arc<reqwest::Error>),
}

/// TLS by aws-lc-rs with the roots of the platform. The provider is given explicitly: in tests no `main` installs one.
/// Without any roots (a bare container) HTTPS fails when it is used.
///
/// # Errors
/// The provider has no protocol in common with us.
pub fn tls_of_platform() -> Result<rustls::ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(ClientError::Tls)?;
    match builder.clone().with_platform_verifier() {
        Ok(verified) => Ok(verified.with_no_client_auth()),
        Err(error) => {
            tracing::warn!(%error, "the platform has no root certificates: no HTTPS to push services");
            Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
        }
    }
}

/// HTTP to endpoints that users chose. Endpoints of listed origins go through a client of their own: the resolver sees
/// names without ports, so one that let them through would let their hosts through on every port.
pub struct Outgoing {
    policy: AddressPolicy,
    guarded: Client,
    listed: Client,
    clock: Arc<dyn WallClock>,
}

impl Outgoing {
    /// Clients under `policy`. `tls` is [`tls_of_platform`] but for tests.
    ///
    /// # Errors
    /// The clients cannot be made.
    pub fn new(
        policy: AddressPolicy,
        dns: Arc<dyn Dns>,
        tls: rustls::ClientConfig,
        clock: Arc<dyn WallClock>,
    ) -> Result<Self, ClientError> {
        Self::with_names(policy, Arc::clone(&dns), dns, tls, clock)
    }

    /// The same, with a name service of its own for listed origins: what users have looked up does not hold up those.
    ///
    /// # Errors
    /// The clients cannot be made.
    pub fn with_names(
        policy: AddressPolicy,
        guarded_dns: Arc<dyn Dns>,
        listed_dns: Arc<dyn Dns>,
        tls: rustls::ClientConfig,
        clock: Arc<dyn WallClock>,
    ) -> Result<Self, ClientError> {
        let build =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|error| ClientError::Build(Arc::new(error)));
        let guarded = build(builder(tls.clone()).https_only(true).dns_resolver(PublicOnly(guarded_dns)))?;
        let listed = build(builder(tls).dns_resolver(AnyAddress(listed_dns)))?;
        Ok(Self { policy, guarded, listed, clock })
    }

    /// Judges an endpoint; see [`AddressPolicy::check`].
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, endpoint: &str) -> Result<Endpoint, AddressError> {
        self.policy.check(endpoint)
    }

    /// Posts once to an endpoint that the policy let through.
    pub(crate) async fn post(&self, to: &Endpoint, headers: HeaderMap, body: Vec<u8>) -> Result<Answer, PushError> {
        let client = if to.is_listed() { &self.listed } else { &self.guarded };
        post(client, to, headers, body, &*self.clock).await
    }
}

/// A client for URLs that the operator configured: at any address.
pub(crate) fn operator_client(dns: Arc<dyn Dns>, tls: rustls::ClientConfig) -> Result<Client, ClientError> {
    builder(tls).dns_resolver(AnyAddress(dns)).build().map_err(|error| ClientError::Build(Arc::new(error)))
}

/// Posts once.
pub(crate) async fn post(
    client: &Client,
    to: &Endpoint,
    headers: HeaderMap,
    body: Vec<u8>,
    clock: &dyn WallClock,
) -> Result<Answer, PushError> {
    let response = client.post(to.url().clone()).headers(headers).body(body).send().await.map_err(failure)?;
    Ok(Answer::read(response, clock.now()).await)
}

fn builder(mut tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    // The client does not add these to a configuration that it is given.
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        // By default the client repeats what HTTP/2 says was not processed; attempts are counted above.
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_ORIGIN_MAX)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
}
