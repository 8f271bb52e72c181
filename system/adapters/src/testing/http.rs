//! A server that answers as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const HEAD_BYTES_MAX: u64 = 64 * 1024;
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What a client sent.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `POST`, say.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// By lower-case name; of a name sent twice both values, with a comma between them.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What it gets.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A whole answer.
    Whole {
        /// Its status.
        status: u16,
        /// Its headers.
        headers: Vec<(String, String)>,
        /// Its body.
        body: Vec<u8>,
    },
    /// The answer, after a while.
    Late(Duration, Box<Reply>),
    /// These bytes, and the connection stays open, but nothing follows.
    Half(Vec<u8>),
    /// These bytes, and these again and again until the client goes.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, and the connection is closed.
    Cut(Vec<u8>),
}

impl Reply {
    /// An answer with a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Whole { status, headers: Vec::new(), body: body.into() }
    }

    /// The same with another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Whole { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    scripted: Mutex<VecDeque<Reply>>,
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// A server on a port of its own; it ends when it is dropped.
pub struct FakeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl FakeServer {
    /// Starts one that answers by `handler`.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            scripted: Mutex::default(),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the next requests with these, before it asks the handler again.
    pub fn answer_with(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.scripted.lock().unwrap_or_else(PoisonError::into_inner).extend(replies);
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Ends with this task: so do all connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        connections.spawn(async move { serve(stream, &shared).await });
        while connections.try_join_next().is_some() {}
    }
}

/// Answers one request after another, until the client goes.
async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await? {
        shared.requests.fetch_add(1, Ordering::Relaxed);
        let scripted = shared.scripted.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let mut reply = scripted.unwrap_or_else(|| (shared.handler)(&request));
        while let Reply::Late(wait, then) = reply {
            tokio::time::sleep(wait).await;
            reply = *then;
        }
        match reply {
            Reply::Whole { status, headers, body } => stream.write_all(&whole(status, &headers, &body)).await?,
            Reply::Half(bytes) => {
                stream.write_all(&bytes).await?;
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await?;
            }
            Reply::Endless(bytes, again) => {
                stream.write_all(&bytes).await?;
                loop {
                    stream.write_all(&again).await?;
                }
            }
            Reply::Cut(bytes) => return stream.write_all(&bytes).await,
            Reply::Late(..) => {}
        }
    }
    Ok(())
}

fn whole(status: u16, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let mut request = Request::default();
    let mut line = String::new();
    let mut is_first = true;
    loop {
        line.clear();
        if (&mut *stream).take(HEAD_BYTES_MAX).read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let text = line.trim_end();
        if is_first {
            let mut parts = text.split(' ');
            request.method = parts.next().ok_or_else(bad)?.to_owned();
            request.path = parts.next().ok_or_else(bad)?.to_owned();
            is_first = false;
        } else if text.is_empty() {
            break;
        } else {
            let (name, value) = text.split_once(':').ok_or_else(bad)?;
            let value = value.trim();
            let add = |known: &mut String| *known = format!("{known},{value}");
            request.headers.entry(name.to_ascii_lowercase()).and_modify(add).or_insert_with(|| value.to_owned());
        }
    }
    let length: usize = request.headers.get("content-length").map_or(Ok(0), |text| text.parse()).map_err(|_| bad())?;
    if length > BODY_BYTES_MAX {
        return Err(bad());
    }
    request.body.resize(length, 0);
    stream.read_exact(&mut request.body).await?;
    Ok(Some(request))
}
