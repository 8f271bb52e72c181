//! A server that speaks as much TDS (MS-TDS) as the pool needs: the handshake without encryption, then to each request what a
//! script says. It runs no SQL.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::tds::{self, Table, packet, send};

/// What a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text without parameters.
    Batch,
    /// A statement with parameters.
    Rpc,
    /// The rows of a bulk load.
    Load,
    /// The begin or the end of a transaction.
    Transaction,
}

/// A request: its kind, and its text as far as it is one.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its kind.
    pub kind: Kind,
    /// What of it is readable.
    pub text: String,
}

/// What the server does about it.
#[derive(Debug, Clone)]
pub enum Reply {
    /// It is done.
    Done,
    /// One row of one whole number.
    Number(i64),
    /// Rows, of one answer after the other.
    Tables(Vec<Table>),
    /// The columns of the mail queue, and no row.
    Columns,
    /// An error: its number and class.
    Error(u32, u8),
    /// The transaction begins, or ends, as was asked for.
    Transaction,
    /// Nothing, for ever.
    Silence,
    /// The connection ends.
    HangUp,
}

type Script = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// What the connections of a server share.
struct Shared {
    script: Script,
    made: AtomicUsize,
    closed: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    /// A server that stops reading in the middle of a load: until it is told to go on.
    stuck: Option<Notify>,
    loads_begun: AtomicUsize,
}

/// The running server; it ends when this is dropped.
pub struct Fake {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Starts one on a free port of this machine.
    ///
    /// # Errors
    /// There is no port.
    pub async fn listen(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        Self::start(Arc::new(script), None).await
    }

    /// The same, but it reads one packet of a load and no more, until [`go_on`](Self::go_on): so that who sends one is in the
    /// middle of it for sure, if it is longer than what the system keeps for a connection.
    ///
    /// # Errors
    /// There is no port.
    pub async fn stuck_in_loads(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        Self::start(Arc::new(script), Some(Notify::new())).await
    }

    async fn start(script: Script, stuck: Option<Notify>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script,
            made: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
            requests: Mutex::default(),
            stuck,
            loads_begun: AtomicUsize::new(0),
        });
        let of_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                of_task.made.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&of_task);
                tokio::spawn(async move {
                    // Its end is that of the connection, whichever side ends it.
                    let _ = serve(stream, &shared).await;
                    shared.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Ok(Self { address, shared, task })
    }

    /// The same, with `reply` in place of the script's at the call of this number (from 1) among those of this kind.
    ///
    /// # Errors
    /// There is no port.
    pub async fn replying_at(
        kind: Kind,
        call: usize,
        reply: Reply,
        script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let calls = AtomicUsize::new(0);
        Self::listen(move |request| {
            let is_it = request.kind == kind && calls.fetch_add(1, Ordering::SeqCst) + 1 == call;
            if is_it { reply.clone() } else { script(request) }
        })
        .await
    }

    /// A connection string for it. The connection must be made [`unencrypted`](crate::sqlserver::SqlServerConfig::unencrypted),
    /// which `Encrypt=DANGER_PLAINTEXT` says too.
    pub fn connection(&self, password: &str) -> String {
        let port = self.address.port();
        format!(
            "Server=tcp:127.0.0.1,{port};Database=SmartPulse;User Id=app;Password={password};Encrypt=DANGER_PLAINTEXT"
        )
    }

    /// How many connections were made, and how many of them ended.
    pub fn counts(&self) -> (usize, usize) {
        (self.shared.made.load(Ordering::SeqCst), self.shared.closed.load(Ordering::SeqCst))
    }

    /// Of how many loads the first packet came. Those that came to their end are among the requests.
    pub fn loads_begun(&self) -> usize {
        self.shared.loads_begun.load(Ordering::SeqCst)
    }

    /// One that is stuck in a load reads on.
    pub fn go_on(&self) {
        if let Some(stuck) = &self.shared.stuck {
            stuck.notify_one();
        }
    }

    /// The texts of what was asked, of this kind, in their order.
    pub fn of(&self, kind: Kind) -> Vec<String> {
        let requests = self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().filter(|request| request.kind == kind).map(|request| request.text.clone()).collect()
    }
}

/// A message, of as many packets as it has.
async fn message(stream: &mut TcpStream, shared: &Shared) -> io::Result<(u8, Vec<u8>)> {
    let mut body = Vec::new();
    let mut is_first = true;
    loop {
        let (kind, is_last) = packet(stream, &mut body).await?;
        if kind == tds::LOAD && std::mem::take(&mut is_first) {
            shared.loads_begun.fetch_add(1, Ordering::SeqCst);
            if let Some(stuck) = &shared.stuck {
                stuck.notified().await;
            }
        }
        if is_last {
            return Ok((kind, body));
        }
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    loop {
        let (kind, body) = message(&mut stream, shared).await?;
        let kind = match kind {
            tds::PRELOGIN => {
                send(&mut stream, &tds::prelogin()).await?;
                continue;
            }
            tds::LOGIN => {
                send(&mut stream, &[tds::login_ack(), tds::done()].concat()).await?;
                continue;
            }
            0x01 => Kind::Batch,
            0x03 => Kind::Rpc,
            tds::LOAD => Kind::Load,
            0x0e => Kind::Transaction,
            other => return Err(io::Error::other(format!("a message of type {other}"))),
        };
        let request = Request { kind, text: tds::text(&body) };
        let reply = (shared.script)(&request);
        shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        match reply {
            Reply::Done => send(&mut stream, &tds::done()).await?,
            Reply::Number(value) => send(&mut stream, &[tds::number(value), tds::done()].concat()).await?,
            Reply::Tables(tables) => send(&mut stream, &tds::tables(&tables)).await?,
            Reply::Columns => send(&mut stream, &[tds::queue_columns(), tds::done()].concat()).await?,
            Reply::Error(number, class) => {
                send(&mut stream, &[tds::error(number, class), tds::failed()].concat()).await?;
            }
            Reply::Transaction => send(&mut stream, &[tds::transaction(&body), tds::done()].concat()).await?,
            Reply::Silence => {
                // Until the client goes.
                while stream.read(&mut [0; 256]).await? > 0 {}
                return Ok(());
            }
            Reply::HangUp => return Ok(()),
        }
    }
}
