//! An authenticated hit in L1 through the whole router and our own accept loop, and the bare handler that it is measured beside.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, header};
use smartpulse::serve::{Drain, ServeLimits, serve};

use crate::instance::{Asked, Instance};
use crate::server::Server;
use crate::silence::Silence;

/// What the accept loop allows, as in production but for idle connections, which a bench keeps.
pub const LIMITS: ServeLimits = ServeLimits {
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(600),
    stuck_timeout: Duration::from_secs(600),
    max_connections: 1_000,
    max_header_bytes: 16_384,
    date_header: true,
};

/// One that never begins.
pub fn drain() -> Drain {
    Drain::new(Duration::ZERO, Duration::ZERO)
}

/// Without Nagle, as our own loop has it.
pub fn nodelay(
    listener: std::net::TcpListener,
) -> impl axum::serve::Listener<Io = tokio::net::TcpStream, Addr = std::net::SocketAddr> {
    use axum::serve::ListenerExt;
    tokio::net::TcpListener::from_std(listener).unwrap().tap_io(|stream| stream.set_nodelay(true).unwrap())
}

/// A handler that answers with these headers and this body, and does nothing else.
pub fn bare(headers: HeaderMap, body: Bytes) -> Router {
    let answer = move || {
        let (headers, body) = (headers.clone(), body.clone());
        async move { (headers, body) }
    };
    Router::new().route("/api/forecasts/{id}", get(answer))
}

/// A forecast in L1, and the server that answers with it.
#[derive(Debug)]
pub struct Hit {
    /// Its path.
    pub path: String,
    /// A token that may read it.
    pub token: String,
    /// Its entity tag, with quotes.
    pub etag: String,
    /// The headers of a hit.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Who answers.
    pub server: Server,
}

/// Ours, with one forecast in L1, under the lease. Its jobs (tracker, sync, follower) have a thread of their own: what is
/// measured is the thread that answers.
pub fn start() -> Hit {
    let (tell, told) = std::sync::mpsc::channel();
    let jobs = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let Instance { app, token, embedded, folder } = Instance::leased().await;
            let (router, service) = (app.router(), app.service().clone());
            let jobs = tokio::spawn(app.serve(Silence, Silence));
            while !service.caches().cache().is_trusted() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let asked = Asked { router: router.clone(), token: token.clone() };
            let path = format!("/api/forecasts/{}", asked.create(1).await);
            let mut hit = asked.send("GET", &path, None).await.1;
            while hit.headers()["x-cache-level"] != "L1" {
                hit = asked.send("GET", &path, None).await.1;
            }
            let etag = hit.headers()[header::ETAG].to_str().unwrap().to_owned();
            let (headers, body) = (hit.headers().clone(), Bytes::from(hit.body().to_string()));
            tell.send((path, token, etag, headers, body, router)).unwrap();
            jobs.await.unwrap();
            drop((embedded, folder));
        });
    };
    std::thread::Builder::new().name("jobs".to_owned()).spawn(jobs).unwrap();
    let (path, token, etag, headers, body, router) = told.recv().unwrap();
    let server = Server::start("ours", move |listener| async move {
        serve(nodelay(listener), router, LIMITS, drain()).await;
    });
    Hit { path, token, etag, headers, body, server }
}
