//! Which server a call goes to, and what is done when it was the wrong one, or is gone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, ConnectionInfo, RedisError, Value};
use tokio::time::Instant;

use crate::address::{Address, endpoint, sibling};
use crate::config::RedisConfig;
use crate::error::{Failure, Remedy, remedy};
use crate::node::{Node, Sent};
use crate::script::{By, Step};
use crate::slots::{Endpoint, SlotMap, slot};

/// How often a call is sent again: to another server, over another connection, or after a while. Its deadline holds for
/// all of them together.
const RETRIES_MAX: u32 = 5;
/// How long a call waits where a cluster says that it will be better in a moment.
const MOMENT: Duration = Duration::from_millis(50);
/// How long one server is given to answer with the map of slots, while others could be asked.
const MAP_WAIT: Duration = Duration::from_millis(100);
/// Servers of a cluster that are known at most.
const NODES_MAX: usize = 1_000;

/// One server, or a cluster.
pub(crate) struct Servers {
    pub(crate) config: Arc<RedisConfig>,
    cluster: bool,
    first: Arc<Node>,
    others: Vec<Arc<Node>>,
    known: Mutex<Known>,
    /// When the map was asked for last; held while it is asked for.
    refreshed: tokio::sync::Mutex<Option<Instant>>,
    turn: AtomicUsize,
}

/// What is known of a cluster.
#[derive(Default)]
struct Known {
    map: Arc<SlotMap>,
    nodes: BTreeMap<Endpoint, Arc<Node>>,
}

/// Where the next try goes.
enum Next {
    Owner,
    Other(Endpoint, bool),
}

/// Whether a call may be sent again of which nobody knows whether it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Always,
    UnlessUnsure,
}

impl Servers {
    pub(crate) fn new(address: Address, config: RedisConfig) -> Self {
        let config = Arc::new(config);
        let node = |info| Arc::new(Node::new(info, Arc::clone(&config)));
        Self {
            cluster: address.cluster,
            first: node(address.first),
            others: address.others.into_iter().map(node).collect(),
            known: Mutex::default(),
            refreshed: tokio::sync::Mutex::new(None),
            turn: AtomicUsize::new(0),
            config,
        }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.cluster
    }

    /// Runs a script on the server of its keys, which are on one slot.
    pub(crate) async fn run(&self, step: &Step, keys: &[&str], arguments: &[&[u8]]) -> Result<Value, Failure> {
        let first = keys.first().copied().unwrap_or_default();
        self.timely(self.persist(first, Repeat::Always, |by| step.command(by, keys, arguments))).await
    }

    /// Sends a command to the server of `key`.
    pub(crate) async fn call(&self, key: &str, command: &Cmd) -> Result<Value, Failure> {
        self.timely(self.persist(key, Repeat::Always, |_| command.clone())).await
    }

    /// The same for one that does something else when it is repeated: a call of which nobody knows whether it took effect
    /// fails.
    pub(crate) async fn run_once(&self, step: &Step, keys: &[&str], arguments: &[&[u8]]) -> Result<Value, Failure> {
        let first = keys.first().copied().unwrap_or_default();
        self.timely(self.persist(first, Repeat::UnlessUnsure, |by| step.command(by, keys, arguments))).await
    }

    pub(crate) async fn timely<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::time::timeout(self.config.call_timeout, work).await.unwrap_or(Err(Failure::Timeout))
    }

    async fn persist(&self, key: &str, repeat: Repeat, command: impl Fn(By) -> Cmd) -> Result<Value, Failure> {
        let slot = slot(key.as_bytes());
        let (mut next, mut by) = (Next::Owner, By::Hash);
        let mut failure = Failure::Unavailable(None);
        for _ in 0..=RETRIES_MAX {
            let sent = match self.send(slot, &next, &command(by)).await {
                Ok(sent) => sent,
                Err(gone) => {
                    failure = gone;
                    // Of one server there is no other; of a cluster another one may have the slot by now.
                    if !self.cluster || !self.owner_changed(slot).await {
                        return Err(failure);
                    }
                    next = Next::Owner;
                    continue;
                }
            };
            let error = match sent {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match remedy(&error) {
                Remedy::None => return Err(error.into()),
                Remedy::Reconnect if repeat == Repeat::UnlessUnsure => return Err(error.into()),
                Remedy::Load if by == By::Hash => by = By::Text,
                Remedy::Load => return Err(error.into()),
                // The node dialled anew gets the call once more: whether it took effect is unknown, and it may be repeated.
                Remedy::Reconnect => {
                    next = Next::Owner;
                    if self.cluster {
                        self.refresh().await.ok();
                    }
                }
                Remedy::Wait => {
                    tokio::time::sleep(MOMENT).await;
                    if self.cluster {
                        self.refresh().await.ok();
                    }
                    next = Next::Owner;
                }
                Remedy::Elsewhere { host, port, asking } => next = self.redirected(host, port, asking, &error).await?,
            }
            failure = error.into();
        }
        Err(failure)
    }

    async fn redirected(&self, host: String, port: u16, asking: bool, error: &RedisError) -> Result<Next, Failure> {
        if !self.cluster {
            tracing::warn!("a server of a cluster was addressed as a single one: its URL begins with redis+cluster://");
            return Err(error.clone().into());
        }
        if !asking {
            // It is a hint for this call; the map is what the next ones go by.
            self.refresh().await.ok();
        }
        let host = match host.is_empty() {
            // A server that does not know its own name means the one that was asked.
            true => endpoint(self.first.info()).map(|(host, _)| host.to_owned()).unwrap_or_default(),
            false => host,
        };
        Ok(Next::Other((host, port), asking))
    }

    async fn send(&self, slot: u16, next: &Next, command: &Cmd) -> Result<Sent, Failure> {
        match next {
            Next::Owner => self.owner(slot).await?.send(command).await,
            Next::Other(endpoint, false) => self.node(endpoint).send(command).await,
            Next::Other(endpoint, true) => self.node(endpoint).send_asking(command).await,
        }
    }

    async fn owner(&self, slot: u16) -> Result<Arc<Node>, Failure> {
        if !self.cluster {
            return Ok(self.single());
        }
        if let Some(endpoint) = self.map().master(slot) {
            return Ok(self.node(endpoint));
        }
        let map = self.refresh().await?;
        map.master(slot).map(|endpoint| self.node(endpoint)).ok_or(Failure::Unavailable(None))
    }

    async fn owner_changed(&self, slot: u16) -> bool {
        let before = self.map().master(slot).cloned();
        matches!(self.refresh().await, Ok(map) if map.master(slot) != before.as_ref())
    }

    fn map(&self) -> Arc<SlotMap> {
        Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner).map)
    }

    /// The node at `endpoint`; each has one connection.
    pub(crate) fn node(&self, endpoint: &Endpoint) -> Arc<Node> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = known.nodes.get(endpoint) {
            return Arc::clone(node);
        }
        if known.nodes.len() >= NODES_MAX {
            let masters = known.map.masters();
            known.nodes.retain(|endpoint, _| masters.contains(endpoint));
        }
        let info = sibling(self.first.info(), &endpoint.0, endpoint.1);
        let node = Arc::new(Node::new(info, Arc::clone(&self.config)));
        known.nodes.insert(endpoint.clone(), Arc::clone(&node));
        node
    }

    /// Asks for the map of slots: the masters that are known in turn, then the seeds; the first answer counts. Who asks
    /// while somebody else does shares the answer.
    pub(crate) async fn refresh(&self) -> Result<Arc<SlotMap>, Failure> {
        let asked = Instant::now();
        let mut refreshed = self.refreshed.lock().await;
        if refreshed.is_some_and(|at| at >= asked) {
            return Ok(self.map());
        }
        let mut failure = Failure::Unavailable(None);
        for node in self.candidates() {
            match tokio::time::timeout(MAP_WAIT, slot_map(&node)).await.unwrap_or(Err(Failure::Timeout)) {
                Ok(map) => {
                    let map = Arc::new(map);
                    self.known.lock().unwrap_or_else(PoisonError::into_inner).map = Arc::clone(&map);
                    *refreshed = Some(Instant::now());
                    return Ok(map);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Whom to ask about the cluster: the masters, another one first each time; the seeds; the replicas.
    fn candidates(&self) -> Vec<Arc<Node>> {
        let map = self.map();
        let mut candidates: Vec<_> = map.masters().iter().map(|endpoint| self.node(endpoint)).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if !candidates.is_empty() {
            let places = candidates.len();
            candidates.rotate_left(turn % places);
        }
        candidates.push(Arc::clone(&self.first));
        candidates.extend(self.others.iter().cloned());
        candidates.extend(map.replicas().map(|endpoint| self.node(endpoint)));
        candidates
    }

    /// Where a subscription may be held, another one first each time. In a cluster every server hears of every message.
    pub(crate) fn listening_posts(&self) -> Vec<ConnectionInfo> {
        self.candidates().iter().map(|node| node.info().clone()).collect()
    }

    /// The one server.
    pub(crate) fn single(&self) -> Arc<Node> {
        Arc::clone(&self.first)
    }
}

/// The map of slots as `node` sees it.
pub(crate) async fn slot_map(node: &Node) -> Result<SlotMap, Failure> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let answer = node.ask(&command).await?;
    let asked = endpoint(node.info()).map(|(host, port)| (host.to_owned(), port)).unwrap_or_default();
    SlotMap::read(answer, &asked)
}
