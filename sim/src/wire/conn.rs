//! One connection of a client: calls with answers, and what a session pushes.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::frame::{Frame, Kind};
use super::net::Net;
use super::slab::{Cargo, Slab};
use crate::log::Sending;

/// How often an idle side sends a ping.
pub(super) const PING_EVERY: Duration = Duration::from_millis(250);
/// A peer that says nothing for so long is given up.
pub(super) const SILENCE_MAX: Duration = Duration::from_millis(1_000);
/// How long a call waits for its answer.
const CALL_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Why a call has no answer; whether it took effect is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// No connection, or it broke.
    #[error("the connection broke")]
    Broken,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
}

type Waiting = Arc<Mutex<BTreeMap<u64, oneshot::Sender<Cargo>>>>;

/// One connection. It closes when it is dropped.
pub(super) struct Conn {
    slab: Arc<Slab>,
    host: Arc<str>,
    to: Box<str>,
    out: mpsc::UnboundedSender<Frame>,
    waiting: Waiting,
    last: AtomicU64,
    tasks: [tokio::task::AbortHandle; 2],
}

impl Conn {
    /// Connects to `to`. What a session of this connection yields goes to `pushes`, which ends with the connection.
    pub(super) async fn dial(
        net: &Net,
        to: &str,
        port: u16,
        pushes: Option<mpsc::UnboundedSender<Cargo>>,
    ) -> Result<Arc<Self>, WireError> {
        let stream = net.dial(to, port).await.map_err(|_| WireError::Broken)?;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (out, mut outgoing) = mpsc::unbounded_channel();
        let waiting = Waiting::default();
        let (slab, answers) = (Arc::clone(&net.slab), Arc::clone(&waiting));
        let reading = tokio::spawn(async move {
            let ended = read_frames(&mut reader, &slab, &answers, pushes).await;
            tracing::trace!(error = ended.err().map(|error| error.kind().to_string()), "a connection ended");
            // Whoever waits learns it now: dropped senders are broken connections.
            lock(&answers).clear();
        });
        let writing = tokio::spawn(async move { write_frames(&mut writer, &mut outgoing).await });
        let tasks = [reading.abort_handle(), writing.abort_handle()];
        let (slab, host) = (Arc::clone(&net.slab), Arc::clone(&net.host));
        Ok(Arc::new(Self { slab, host, to: to.into(), out, waiting, last: AtomicU64::new(0), tasks }))
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.tasks.iter().any(tokio::task::AbortHandle::is_finished)
    }

    /// Sends `cargo` and waits for the answer. `what` names the call, and what it is about, where messages are recorded.
    pub(super) async fn call(
        &self,
        kind: Kind,
        cargo: Cargo,
        what: impl FnOnce() -> (String, Option<String>),
    ) -> Result<Cargo, WireError> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (answer, answered) = oneshot::channel();
        lock(&self.waiting).insert(id, answer);
        let handle = self.slab.put(cargo, |_| {
            let (what, about) = what();
            Sending { from: &self.host, to: &self.to, what, about }
        });
        if !self.is_alive() || self.out.send(Frame { kind, id, handle }).is_err() {
            lock(&self.waiting).remove(&id);
            return Err(WireError::Broken);
        }
        let answered = timeout(CALL_TIMEOUT, answered).await;
        lock(&self.waiting).remove(&id);
        answered.map_err(|_| WireError::Timeout)?.map_err(|_| WireError::Broken)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Cargo>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a frame, unless the peer is silent for too long.
pub(super) async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    timeout(SILENCE_MAX, Frame::read(from)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn read_frames(
    from: &mut (impl AsyncRead + Unpin),
    slab: &Slab,
    waiting: &Waiting,
    pushes: Option<mpsc::UnboundedSender<Cargo>>,
) -> io::Result<()> {
    loop {
        let frame = read_frame(from).await?;
        let cargo = slab.take(frame.handle);
        match (frame.kind, cargo) {
            (Kind::Reply, Some(cargo)) => {
                if let Some(answer) = lock(waiting).remove(&frame.id) {
                    // Who asked may have stopped waiting.
                    drop(answer.send(cargo));
                }
            }
            (Kind::Push, Some(cargo)) => {
                if let Some(pushes) = &pushes
                    && pushes.send(cargo).is_err()
                {
                    return Ok(());
                }
            }
            _ => {}
        }
    }
}

/// Writes what comes, and a ping where nothing does.
pub(super) async fn write_frames(
    to: &mut (impl AsyncWrite + Unpin),
    outgoing: &mut mpsc::UnboundedReceiver<Frame>,
) -> io::Result<()> {
    loop {
        match timeout(PING_EVERY, outgoing.recv()).await {
            Ok(Some(frame)) => frame.write(to).await?,
            Ok(None) => return Ok(()),
            Err(_) => Frame::PING.write(to).await?,
        }
    }
}
