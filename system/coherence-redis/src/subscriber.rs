//! The job that holds one subscription: a connection of its own, another one whenever it is lost, without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use coherence::backplane::{BackplaneDelivery, BackplaneSubscription};
use coherence::{BackplaneError, Section};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, ProtocolVersion, PushInfo, RedisError};
use tokio::sync::mpsc;

use crate::error::Failure;
use crate::gate::{Gate, Queue, length};
use crate::names;
use crate::servers::Servers;

/// What a subscriber holds. Dropping it ends the job.
pub(crate) struct Subscription {
    deliveries: mpsc::Receiver<BackplaneDelivery>,
    waiting_bytes: Arc<AtomicUsize>,
}

#[async_trait]
impl BackplaneSubscription for Subscription {
    async fn next(&mut self) -> Result<BackplaneDelivery, BackplaneError> {
        let delivery = self.deliveries.recv().await.ok_or(BackplaneError::Closed)?;
        self.waiting_bytes.fetch_sub(length(&delivery), Ordering::Relaxed);
        Ok(delivery)
    }
}

/// What the job knows.
struct Subscriber {
    servers: Arc<Servers>,
    head: String,
    pattern: String,
    queue: Queue,
}

/// A connection with its gate.
struct Line {
    connection: MultiplexedConnection,
    gate: Arc<Gate>,
}

/// Subscribes; when this answers, what is published is delivered.
pub(crate) async fn subscribe(servers: Arc<Servers>, section: &Section) -> Result<Subscription, Failure> {
    let (queue, deliveries, waiting_bytes) = Queue::new(servers.config.backlog_max, servers.config.backlog_bytes_max);
    let subscriber = Subscriber { head: section.head_name(), pattern: names::pattern(section), servers, queue };
    let line = subscriber.dial_any(false).await?;
    tokio::spawn(async move {
        let sender = subscriber.queue.sender.clone();
        tokio::select! {
            biased;
            () = sender.closed() => {}
            () = subscriber.hold(line) => {}
        }
    });
    Ok(Subscription { deliveries, waiting_bytes })
}

impl Subscriber {
    /// Holds the subscription until nobody wants it any more.
    async fn hold(&self, mut line: Line) {
        loop {
            tokio::select! {
                biased;
                () = line.gate.broken() => {}
                () = self.watch(&line.connection) => {}
            }
            // Nothing after the hole may come before the word of it.
            line.gate.shut();
            drop(line.connection);
            tracing::info!(channel = self.head, "the subscription lost its connection");
            if self.queue.sender.send(BackplaneDelivery::Lost).await.is_err() {
                return;
            }
            line = self.redial().await;
        }
    }

    /// Ends when the server does not answer any more: a connection that leads nowhere is silent.
    async fn watch(&self, connection: &MultiplexedConnection) {
        let config = &self.servers.config;
        let mut connection = connection.clone();
        loop {
            tokio::time::sleep(config.ping_every).await;
            let ping = redis::cmd("PING");
            let answered = tokio::time::timeout(config.call_timeout, ping.query_async::<redis::Value>(&mut connection));
            if !matches!(answered.await, Ok(Ok(_))) {
                return;
            }
        }
    }

    async fn redial(&self) -> Line {
        let config = &self.servers.config;
        let mut wait = config.reconnect;
        loop {
            match self.dial_any(true).await {
                Ok(line) => {
                    tracing::info!(channel = self.head, "the subscription is back");
                    return line;
                }
                Err(error) => tracing::debug!(channel = self.head, ?error, "no connection for the subscription"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(config.reconnect_max);
        }
    }

    /// Tries one server after the other, each for a while.
    async fn dial_any(&self, again: bool) -> Result<Line, Failure> {
        let mut failure = Failure::Unavailable(None);
        let posts = match self.servers.is_cluster() {
            true => self.servers.listening_posts(),
            false => vec![self.servers.single().info().clone()],
        };
        for info in posts {
            let gate = Gate::new(self.queue.clone(), again);
            let dial = self.dial(info, Arc::clone(&gate));
            match tokio::time::timeout(self.servers.config.connect_timeout, dial).await {
                Ok(Ok(connection)) => return Ok(Line { connection, gate }),
                Ok(Err(error)) => failure = error.into(),
                Err(_) => failure = Failure::Timeout,
            }
            // It was confirmed at the last moment, and said so: that must not be believed.
            if gate.shut() && again && self.queue.sender.send(BackplaneDelivery::Lost).await.is_err() {
                return Err(failure);
            }
        }
        Err(failure)
    }

    async fn dial(&self, info: ConnectionInfo, gate: Arc<Gate>) -> Result<MultiplexedConnection, RedisError> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.servers.config.connect_timeout))
            .set_response_timeout(Some(self.servers.config.call_timeout))
            .set_push_sender(move |push: PushInfo| {
                gate.take(push);
                Ok::<_, std::convert::Infallible>(())
            });
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(redis))?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await?;
        connection.subscribe(&self.head).await?;
        connection.psubscribe(&self.pattern).await?;
        Ok(connection)
    }
}
