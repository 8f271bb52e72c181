//! The backend's side of the wire.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use turmoil::net::{TcpListener, TcpStream};

use super::conn::{read_frame, write_frames};
use super::frame::{Frame, Kind};
use super::link::Call;
use super::net::Net;
use super::slab::Cargo;
use crate::log::Sending;

/// What a connection can hold on the backend's side: a subscription.
#[async_trait]
pub(super) trait Session: Send {
    /// What it yields next; `None` ends the connection. Cancel-safe.
    async fn next(&mut self) -> Option<Cargo>;

    /// Something that its holder says about what it yielded.
    async fn settle(&mut self, command: Cargo) -> Cargo;

    /// Names something that it yielded, and what that is about, where messages are recorded.
    fn describe(&self, cargo: &Cargo) -> (String, Option<String>);
}

/// What opening a session comes to: the answer, and the session if there is one.
pub(super) type Opened = (Cargo, Option<Box<dyn Session>>);
/// The answer as it travels.
pub(super) struct OpenAnswer {
    /// Whether there is a session now.
    pub(super) accepted: bool,
    pub(super) answer: Cargo,
}
/// Opens a session of a client host.
pub(super) type Open<T> = Box<dyn FnOnce(T, String) -> BoxFuture<'static, Opened> + Send>;

/// What becomes of calls whose connection is gone before they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// They are done: what a Redis or a broker has read it does. So a writer of an earlier term is heard late.
    Finish,
    /// They are not: a database rolls back what has lost its client.
    RollBack,
}

/// Serves `backend` until the host dies.
///
/// # Errors
/// The port is taken.
pub async fn serve<T: Clone + Send + Sync + 'static>(
    net: Net,
    port: u16,
    backend: T,
    orphans: Orphans,
) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = listener.accept().await?;
        let peer = turmoil::reverse_lookup(peer.ip()).unwrap_or_default();
        let (net, backend) = (net.clone(), backend.clone());
        connections.spawn(async move {
            if let Err(error) = connection(net, stream, peer, backend, orphans).await {
                tracing::trace!(kind = %error.kind(), "a connection to a backend ended");
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<T: Clone + Send + Sync + 'static>(
    net: Net,
    stream: TcpStream,
    peer: String,
    backend: T,
    orphans: Orphans,
) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (out, mut outgoing) = mpsc::unbounded_channel();
    let (frames, mut incoming) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { write_frames(&mut writer, &mut outgoing).await });
    tasks.spawn(async move {
        loop {
            let frame = read_frame(&mut reader).await?;
            if frames.send(frame).is_err() {
                return Ok(());
            }
        }
    });
    let mut peer = Peer { net, backend, name: peer, out, session: None, orphans, calls: JoinSet::new() };
    loop {
        tokio::select! {
            biased;
            Some(ended) = tasks.join_next() => return ended.unwrap_or(Ok(())),
            frame = incoming.recv() => match frame {
                Some(frame) => peer.on_frame(frame).await,
                None => return Ok(()),
            },
            cargo = next_of(&peer.net, &mut peer.session) => match cargo {
                Some(cargo) => peer.push(cargo),
                None => return Ok(()),
            },
        }
    }
}

async fn next_of(net: &Net, session: &mut Option<Box<dyn Session>>) -> Option<Cargo> {
    match session {
        Some(session) => net.time.inside(session.next()).await,
        None => std::future::pending().await,
    }
}

struct Peer<T> {
    net: Net,
    backend: T,
    name: String,
    out: mpsc::UnboundedSender<Frame>,
    session: Option<Box<dyn Session>>,
    orphans: Orphans,
    calls: JoinSet<()>,
}

impl<T: Clone + Send + Sync + 'static> Peer<T> {
    fn push(&self, cargo: Cargo) {
        let handle = self.net.slab.put(cargo, |cargo| {
            let (what, about) = self.session.as_ref().map(|session| session.describe(cargo)).unwrap_or_default();
            Sending { from: &self.net.host, to: &self.name, what, about }
        });
        // A writer that ended ends the connection.
        let _ = self.out.send(Frame { kind: Kind::Push, id: 0, handle });
    }

    fn reply(&self, question: Frame, cargo: Cargo) {
        let handle = self.net.slab.put_answer(cargo, question.handle);
        let _ = self.out.send(Frame { kind: Kind::Reply, id: question.id, handle });
    }

    async fn on_frame(&mut self, frame: Frame) {
        while self.calls.try_join_next().is_some() {}
        let Some(cargo) = self.net.slab.take(frame.handle) else { return };
        match frame.kind {
            Kind::Call => {
                let Ok(call) = cargo.downcast::<Call<T>>() else { return };
                self.on_call(frame, *call);
            }
            Kind::Open => {
                let Ok(open) = cargo.downcast::<Open<T>>() else { return };
                let opening = open(self.backend.clone(), self.name.clone());
                let (answer, session) = self.net.time.inside(opening).await;
                let accepted = session.is_some();
                self.session = session;
                self.reply(frame, Box::new(OpenAnswer { accepted, answer }));
            }
            Kind::Settle => {
                let Some(session) = &mut self.session else { return };
                let answer = self.net.time.inside(session.settle(cargo)).await;
                self.reply(frame, answer);
            }
            Kind::Ping | Kind::Reply | Kind::Push => {}
        }
    }

    /// Calls of one connection do not wait for each other.
    fn on_call(&mut self, question: Frame, call: Call<T>) {
        let (net, backend, out) = (self.net.clone(), self.backend.clone(), self.out.clone());
        let work = async move {
            let (before, after) = net.weather.delays_of(&net.host);
            pause(before).await;
            let answer = net.time.inside(call(backend)).await;
            // What was read is old when it arrives: the fills that floors and tokens are there for.
            pause(after).await;
            let handle = net.slab.put_answer(answer, question.handle);
            let _ = out.send(Frame { kind: Kind::Reply, id: question.id, handle });
        };
        match self.orphans {
            Orphans::Finish => drop(tokio::spawn(work)),
            Orphans::RollBack => drop(self.calls.spawn(work)),
        }
    }
}

async fn pause(by: Duration) {
    if !by.is_zero() {
        tokio::time::sleep(by).await;
    }
}
