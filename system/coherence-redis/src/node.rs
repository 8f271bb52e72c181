//! One server's connection: made when it is needed, given up when it is of no use, and not asked for while it cannot be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, Pipeline, RedisError, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::RedisConfig;
use crate::error::{Failure, Remedy, remedy};

/// A server, by its address.
pub(crate) struct Node {
    info: ConnectionInfo,
    config: Arc<RedisConfig>,
    link: Mutex<Link>,
    /// The last attempt to connect failed: who finds another one going on does not wait for it.
    failing: AtomicBool,
    timeouts: AtomicU32,
}

struct Link {
    connection: Option<MultiplexedConnection>,
    /// Tells one connection from the next.
    serial: u64,
    not_before: Option<Instant>,
    wait: Duration,
    error: Option<Arc<RedisError>>,
}

/// An attempt to connect: has failed, unless it says otherwise.
struct Attempt<'n>(&'n AtomicBool);

impl Attempt<'_> {
    fn succeeded(self) {
        self.0.store(false, Ordering::Relaxed);
        std::mem::forget(self);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A call that went out: how it ended, and on which connection.
pub(crate) type Sent = Result<Value, RedisError>;

impl Node {
    pub(crate) fn new(info: ConnectionInfo, config: Arc<RedisConfig>) -> Self {
        let link = Link { connection: None, serial: 0, not_before: None, wait: config.reconnect, error: None };
        Self { info, config, link: Mutex::new(link), failing: AtomicBool::new(false), timeouts: AtomicU32::new(0) }
    }

    pub(crate) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Sends one command. `Err` outside: there is no connection.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Sent, Failure> {
        let (mut connection, serial) = self.connection().await?;
        let sent = command.query_async(&mut connection).await;
        self.note(serial, &sent).await;
        Ok(sent)
    }

    /// Sends a question about the server itself; once more, if the connection turns out to be of no use.
    pub(crate) async fn ask(&self, question: &Cmd) -> Result<Value, Failure> {
        match self.send(question).await? {
            Err(error) if remedy(&error) == Remedy::Reconnect => Ok(self.send(question).await??),
            answer => Ok(answer?),
        }
    }

    /// Sends one command to a server that has its key only while the slot moves.
    pub(crate) async fn send_asking(&self, command: &Cmd) -> Result<Sent, Failure> {
        let (mut connection, serial) = self.connection().await?;
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("ASKING").ignore().add_command(command.clone());
        let sent = pipeline.query_async::<(Value,)>(&mut connection).await.map(|(answer,)| answer);
        self.note(serial, &sent).await;
        Ok(sent)
    }

    async fn note(&self, serial: u64, sent: &Sent) {
        let broken = match sent {
            Ok(_) => {
                self.timeouts.store(0, Ordering::Relaxed);
                false
            }
            Err(error) if error.is_timeout() => {
                self.timeouts.fetch_add(1, Ordering::Relaxed).saturating_add(1) >= self.config.timeouts_max
            }
            Err(error) => remedy(error) == Remedy::Reconnect,
        };
        if broken {
            self.give_up(serial).await;
        }
    }

    async fn give_up(&self, serial: u64) {
        let mut link = self.link.lock().await;
        // Another caller may have replaced it already.
        if link.serial == serial && link.connection.take().is_some() {
            self.timeouts.store(0, Ordering::Relaxed);
            tracing::debug!(server = %self.info.addr(), "the connection is given up");
        }
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, u64), Failure> {
        let mut link = match self.failing.load(Ordering::Relaxed) {
            true => self.link.try_lock().map_err(|_| Failure::Unavailable(None))?,
            false => self.link.lock().await,
        };
        if let Some(connection) = &link.connection {
            return Ok((connection.clone(), link.serial));
        }
        let now = Instant::now();
        if link.not_before.is_some_and(|until| now < until) {
            return Err(Failure::Unavailable(link.error.clone()));
        }
        // Its caller may lose patience; then the next one must not wait as long.
        link.not_before = Some(now + self.config.connect_timeout + link.wait);
        let attempt = Attempt(&self.failing);
        match self.dial().await {
            Ok(connection) => {
                attempt.succeeded();
                self.timeouts.store(0, Ordering::Relaxed);
                link.serial += 1;
                (link.not_before, link.wait, link.error) = (None, self.config.reconnect, None);
                link.connection = Some(connection.clone());
                tracing::debug!(server = %self.info.addr(), "connected");
                Ok((connection, link.serial))
            }
            Err(error) => {
                let error = Arc::new(error);
                link.not_before = Some(Instant::now() + link.wait);
                link.wait = (link.wait * 2).min(self.config.reconnect_max);
                link.error = Some(Arc::clone(&error));
                tracing::debug!(server = %self.info.addr(), %error, "no connection");
                Err(Failure::Unavailable(Some(error)))
            }
        }
    }

    async fn dial(&self) -> Result<MultiplexedConnection, RedisError> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.config.connect_timeout))
            // Earlier than the caller's own deadline, so that it is counted.
            .set_response_timeout(Some(self.config.call_timeout.mul_f64(0.8)));
        Client::open(self.info.clone())?.get_multiplexed_async_connection_with_config(&settings).await
    }
}
