//! The server: its socket, and what it saw.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::conversation::converse;
use super::script::{Act, Script, Stage};

/// A mail that the server took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The sender of its envelope.
    pub from: String,
    /// The recipients of its envelope.
    pub to: Vec<String>,
    /// The message, its added dots removed.
    pub data: Vec<u8>,
    /// Whether it came encrypted.
    pub tls: bool,
    /// Who had logged in.
    pub user: Option<String>,
    /// Over which connection it came, counted from 0.
    pub connection: usize,
}

#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    commands: Vec<String>,
    mails: Vec<Received>,
    count: usize,
}

/// What all conversations share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) script: Script,
    left: Mutex<Script>,
    seen: Mutex<Seen>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done at `stage` this time.
    pub(super) fn next(&self, stage: Stage) -> Act {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.acts.get_mut(&stage).and_then(|acts| acts.pop_front()).unwrap_or(Act::Usual)
    }

    pub(super) fn command(&self, line: &str) {
        if self.script.keeps_mails {
            self.seen().commands.push(line.to_owned());
        }
    }

    pub(super) fn take(&self, mail: Received) {
        let mut seen = self.seen();
        seen.count += 1;
        if self.script.keeps_mails {
            seen.mails.push(mail);
        }
    }
}

/// A mail server that does what its script says. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeSmtp {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl FakeSmtp {
    /// Starts one on a free port of this machine.
    ///
    /// # Errors
    /// There is none.
    pub async fn start(script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let left = Mutex::new(script.clone());
        let shared = Arc::new(Shared { script, left, seen: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The mails that it took, in their order.
    pub fn mails(&self) -> Vec<Received> {
        self.shared.seen().mails.clone()
    }

    /// How many mails it took.
    pub fn count(&self) -> usize {
        self.shared.seen().count
    }

    /// The lines that were sent to it, those of messages left out.
    pub fn commands(&self) -> Vec<String> {
        self.shared.seen().commands.clone()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.seen().connections
    }
}

impl Drop for FakeSmtp {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Each connection is a task of this one's set: they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut running = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        let number = {
            let mut seen = shared.seen();
            seen.connections += 1;
            seen.connections - 1
        };
        running.spawn(async move {
            // A client that goes away is what many tests are about.
            let ended = stream.set_nodelay(true);
            match ended {
                Ok(()) => converse(stream, number, &shared).await,
                Err(error) => Err(error),
            }
        });
        while running.try_join_next().is_some() {}
    }
}
