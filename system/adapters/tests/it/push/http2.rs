//! HTTP/2 over TLS, as the large push services have it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapters::outgoing::{AddressPolicy, Outgoing, SystemDns};
use adapters::system::SystemClock;
use adapters::testing::Receiver;
use adapters::webpush::WebPushGateway;
use domain::ports::{PushError, PushGateway, PushTarget, WebPushSubscription};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::support::{config, message};

const CERTIFICATE: &[u8] = include_bytes!("../../golden/tls/certificate.pem");
const KEY: &[u8] = include_bytes!("../../golden/tls/key.pem");

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    http2: AtomicUsize,
    http1: AtomicUsize,
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A push service that speaks these protocols and answers each message after 20 ms.
async fn service(protocols: &[&str]) -> (SocketAddr, Arc<Seen>) {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let mut tls = tls.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    tls.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                seen.connections.fetch_add(1, Ordering::Relaxed);
                let answer = hyper::service::service_fn(|request: Request<Incoming>| {
                    let is_http2 = request.version() == Version::HTTP_2;
                    if is_http2 { &seen.http2 } else { &seen.http1 }.fetch_add(1, Ordering::Relaxed);
                    async {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        let answer = Response::builder().status(201).body(Full::<Bytes>::default());
                        Ok::<_, Infallible>(answer.unwrap())
                    }
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    (address, seen)
}

/// A gateway that trusts the service's certificate, or no one's.
fn gateway(origin: &str, is_trusting: bool) -> Arc<WebPushGateway> {
    let mut roots = rustls::RootCertStore::empty();
    if is_trusting {
        roots.add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap()).unwrap();
    }
    let tls = rustls::ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    let policy = AddressPolicy::default().with_private_origins([origin]).unwrap();
    let outgoing = Outgoing::new(policy, Arc::new(SystemDns::default()), tls, Arc::new(SystemClock)).unwrap();
    Arc::new(WebPushGateway::new(config(), outgoing, Arc::new(SystemClock)))
}

fn target(origin: &str) -> PushTarget {
    let receiver = Receiver::new().unwrap();
    let endpoint = format!("{origin}/push");
    PushTarget::WebPush(WebPushSubscription { endpoint, p256dh: receiver.p256dh, auth: receiver.auth })
}

#[tokio::test]
async fn a_hundred_messages_share_one_connection() {
    let (address, seen) = service(&["h2", "http/1.1"]).await;
    let origin = format!("https://localhost:{}", address.port());
    let gateway = gateway(&origin, true);
    gateway.attempt(&target(&origin), &message()).await.unwrap();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (gateway, target) = (Arc::clone(&gateway), target(&origin));
        running.spawn(async move { gateway.attempt(&target, &message()).await.unwrap().status });
    }
    assert!(running.join_all().await.into_iter().all(|status| status == 201));
    let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
    assert_eq!((count(&seen.connections), count(&seen.http2), count(&seen.http1)), (1, 101, 0));
}

#[tokio::test]
async fn a_service_without_http2_is_served_too() {
    let (address, seen) = service(&["http/1.1"]).await;
    let origin = format!("https://127.0.0.1:{}", address.port());
    gateway(&origin, true).attempt(&target(&origin), &message()).await.unwrap();
    assert_eq!(seen.http1.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for() {
    let (address, seen) = service(&["h2"]).await;
    let origin = format!("https://localhost:{}", address.port());
    let refused = gateway(&origin, false).attempt(&target(&origin), &message()).await.unwrap_err();
    assert!(matches!(refused, PushError::Unreachable(Some(_))), "{refused:?}");
    assert_eq!(seen.http2.load(Ordering::Relaxed), 0);
}
