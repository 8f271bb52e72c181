//! The accept loop.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use axum::serve::{Listener, ListenerExt};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::Service;

use super::connection::{self, Ended};
use super::drain::Drain;
use crate::config::HttpConfig;

const HTTP2_STREAMS_MAX: u32 = 128;
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// How long a head may take, the first one from the acceptance on. Acted on at most half of the
    /// shorter of the two limits later.
    pub header_timeout: Duration,
    /// How long a connection may be idle between requests; acted on as late.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of an answer that it asked for; acted on as late.
    pub stuck_timeout: Duration,
    /// Connections at the same time. Further ones are not accepted: they wait in the operating system's queue.
    pub max_connections: usize,
    /// The longest head; a longer one is answered with 431.
    pub max_header_bytes: usize,
    /// Whether answers carry `Date`. The simulation turns it off, since it is read from the real clock.
    pub date_header: bool,
}

impl From<&HttpConfig> for ServeLimits {
    fn from(http: &HttpConfig) -> Self {
        Self {
            header_timeout: http.header_timeout,
            idle_timeout: http.idle_timeout,
            // Longer than any request may take to its answer's head. Event streams send something more often.
            stuck_timeout: http.idle_timeout.max(http.body_timeout + http.request_timeout),
            max_connections: http.max_connections,
            max_header_bytes: http.max_header_bytes,
            date_header: http.date_header,
        }
    }
}

/// What became of the connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// How many were accepted.
    pub accepted: u64,
    /// How many were closed for being slow.
    pub too_slow: u64,
    /// How many the drain's deadline cut off.
    pub cut_off: u64,
}

impl Served {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            too_slow: self.too_slow + other.too_slow,
            cut_off: self.cut_off + other.cut_off,
        }
    }
}

/// Listens on TCP, with `TCP_NODELAY` on each connection.
///
/// # Errors
/// The address cannot be had; the error names it.
pub async fn listen(address: SocketAddr) -> io::Result<impl Listener<Io = tokio::net::TcpStream, Addr = SocketAddr>> {
    let listener = TcpListener::bind(address).await;
    let listener =
        listener.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
    Ok(listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    }))
}

/// Serves until the drain is over: accepts until it closes, then waits for the connections until its deadline.
pub async fn serve<L, S>(mut listener: L, service: S, limits: ServeLimits, drain: Drain) -> Served
where
    L: Listener,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let builder = Arc::new(builder(&limits));
    let room = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    let mut served = Served::default();
    let mut driving = pin!(drain.drive());
    let mut closing = pin!(drain.closing());
    loop {
        tokio::select! {
            biased;
            () = &mut closing => break,
            () = &mut driving => break,
            Some(ended) = connections.join_next() => count(&mut served, &ended),
            (permit, io) = accept_with_room(&mut listener, &room) => {
                served.accepted += 1;
                let (service, builder, drain) = (service.clone(), Arc::clone(&builder), drain.clone());
                connections.spawn(async move {
                    let ended = connection::run(io, service, builder, limits, drain).await;
                    drop(permit);
                    ended
                });
            }
        }
    }
    // The port is free for a successor while the last requests finish.
    drop(listener);
    loop {
        tokio::select! {
            biased;
            ended = connections.join_next() => match ended {
                Some(ended) => count(&mut served, &ended),
                None => return served,
            },
            () = &mut driving, if !drain.is_expired() => {}
        }
    }
}

async fn accept_with_room<L: Listener>(
    listener: &mut L,
    room: &Arc<Semaphore>,
) -> (Option<tokio::sync::OwnedSemaphorePermit>, L::Io) {
    // The semaphore is never closed, so there is always a permit to wait for.
    let permit = Arc::clone(room).acquire_owned().await.ok();
    let (io, _) = listener.accept().await;
    (permit, io)
}

fn count(served: &mut Served, ended: &Result<Ended, tokio::task::JoinError>) {
    match ended {
        Ok(Ended::Done) => {}
        Ok(Ended::TooSlow) => served.too_slow += 1,
        Ok(Ended::Expired) => served.cut_off += 1,
        Err(error) => tracing::error!(%error, "a connection's task failed"),
    }
}

/// No timers of hyper's own on HTTP/1: they would be set once per request, see [`connection`].
fn builder(limits: &ServeLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(limits.max_header_bytes)
        .auto_date_header(limits.date_header);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT)
        .auto_date_header(limits.date_header);
    builder
}
