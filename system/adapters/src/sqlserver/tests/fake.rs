//! A server that speaks as much TDS (MS-TDS) as the pool needs: the handshake without encryption, then to each request what a
//! script says. It runs no SQL.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Batch,
    Rpc,
    Load,
    Transaction,
}

/// A request: its kind, and its text as far as it is one.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// What the server does about it.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// It is done.
    Done,
    /// One row of one whole number.
    Number(i64),
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

/// The running server.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    /// How many connections were made.
    pub(super) made: Arc<AtomicUsize>,
    /// How many of them the client has closed.
    pub(super) closed: Arc<AtomicUsize>,
    pub(super) requests: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub(super) async fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (made, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script: Script = Arc::new(script);
        let (counted, ended, seen) = (Arc::clone(&made), Arc::clone(&closed), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (script, ended, seen) = (Arc::clone(&script), Arc::clone(&ended), Arc::clone(&seen));
                tokio::spawn(async move {
                    // Its end is that of the connection, whichever side ends it.
                    let _ = serve(stream, script, seen).await;
                    ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, made, closed, requests, task }
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (self.made.load(Ordering::SeqCst), self.closed.load(Ordering::SeqCst))
    }

    pub(super) fn of(&self, kind: Kind) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.kind == kind).map(|request| request.text.clone()).collect()
    }
}

async fn serve(mut stream: TcpStream, script: Script, seen: Arc<Mutex<Vec<Request>>>) -> std::io::Result<()> {
    const PRELOGIN: u8 = 0x12;
    const LOGIN: u8 = 0x10;
    loop {
        let (kind, body) = message(&mut stream).await?;
        let kind = match kind {
            PRELOGIN => {
                // The version, and no encryption.
                let options = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2];
                send(&mut stream, &options).await?;
                continue;
            }
            LOGIN => {
                send(&mut stream, &[login_ack(), done()].concat()).await?;
                continue;
            }
            0x01 => Kind::Batch,
            0x03 => Kind::Rpc,
            0x07 => Kind::Load,
            0x0e => Kind::Transaction,
            other => panic!("a message of type {other}"),
        };
        let request = Request { kind, text: text(&body) };
        let reply = script(&request);
        seen.lock().unwrap().push(request);
        match reply {
            Reply::Done => send(&mut stream, &done()).await?,
            Reply::Number(value) => send(&mut stream, &[number(value), done()].concat()).await?,
            Reply::Columns => send(&mut stream, &[queue_columns(), done()].concat()).await?,
            Reply::Error(number, class) => send(&mut stream, &[error(number, class), failed()].concat()).await?,
            Reply::Transaction => send(&mut stream, &[transaction(&body), done()].concat()).await?,
            Reply::Silence => {
                // Until the client goes.
                while stream.read(&mut [0; 256]).await? > 0 {}
                return Ok(());
            }
            Reply::HangUp => return Ok(()),
        }
    }
}

/// A message, of as many packets as it has.
async fn message(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut body = Vec::new();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).await?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]])) - header.len();
        let start = body.len();
        body.resize(start + length, 0);
        stream.read_exact(&mut body[start..]).await?;
        if header[1] & 1 == 1 {
            return Ok((header[0], body));
        }
    }
}

async fn send(stream: &mut TcpStream, body: &[u8]) -> std::io::Result<()> {
    let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
    let header = [0x04, 0x01, length[0], length[1], 0, 0, 1, 0];
    stream.write_all(&[&header[..], body].concat()).await
}

/// The letters of a message in UTF-16; the rest is in between.
fn text(body: &[u8]) -> String {
    let ascii = |pair: &[u8]| match pair {
        [letter, 0] if letter.is_ascii_graphic() || *letter == b' ' || *letter == b'\n' => char::from(*letter),
        _ => '\u{fffd}',
    };
    body.chunks(2).map(ascii).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn named(name: &str) -> Vec<u8> {
    [&[u8::try_from(name.len()).unwrap()][..], &utf16(name)].concat()
}

fn login_ack() -> Vec<u8> {
    let body = [&[1, 0x74, 0, 0, 4][..], &named("Fake"), &[16, 0, 0, 0]].concat();
    token(0xad, &body)
}

fn token(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_le_bytes();
    [&[kind][..], &length, body].concat()
}

fn done() -> Vec<u8> {
    [&[0xfd, 0, 0, 0, 0][..], &[0; 8]].concat()
}

fn failed() -> Vec<u8> {
    [&[0xfd, 2, 0, 0, 0][..], &[0; 8]].concat()
}

fn error(number: u32, class: u8) -> Vec<u8> {
    let message = "as the script wants it";
    let length = u16::try_from(message.len()).unwrap().to_le_bytes();
    let body =
        [&number.to_le_bytes()[..], &[1, class], &length, &utf16(message), &named("fake"), &named(""), &[1, 0, 0, 0]];
    token(0xaa, &body.concat())
}

/// What changes by a request about transactions, which stands after 22 bytes of headers: the transaction's name comes, or
/// goes.
fn transaction(request: &[u8]) -> Vec<u8> {
    const BEGIN: u8 = 5;
    match request[22] {
        BEGIN => token(0xe3, &[8, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        _ => token(0xe3, &[9, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0]),
    }
}

/// A column that can be written: its type and its name.
fn column(kind: &[u8], name: &str) -> Vec<u8> {
    [&[0, 0, 0, 0, 0x05, 0][..], kind, &named(name)].concat()
}

fn number(value: i64) -> Vec<u8> {
    let columns = [&[0x81, 1, 0][..], &column(&[0x26, 8], "Changed")].concat();
    [&columns[..], &[0xd1, 8], &value.to_le_bytes()].concat()
}

/// The columns of `dbo.NheaMailQueue`, with the types of its migration.
fn queue_columns() -> Vec<u8> {
    const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];
    let id = [0x24, 16].to_vec();
    let time = [0x2a, 6].to_vec();
    let wide = |bytes: u16| [&[0xe7][..], &bytes.to_le_bytes(), &COLLATION].concat();
    let narrow = |bytes: u16| [&[0xa7][..], &bytes.to_le_bytes(), &COLLATION].concat();
    const MAX: u16 = 0xffff;
    let columns = [
        (id.clone(), "Id"),
        (wide(640), "ToAddress"),
        (wide(640), "ToFolded"),
        (wide(800), "ToName"),
        (id, "UserId"),
        (wide(800), "Subject"),
        (wide(400), "TemplateId"),
        (wide(MAX), "BodyText"),
        (wide(MAX), "BodyHtml"),
        (wide(MAX), "Attachments"),
        (narrow(8), "OnUnknown"),
        (time, "CreatedAt"),
    ];
    let count = u16::try_from(columns.len()).unwrap().to_le_bytes();
    let columns: Vec<u8> = columns.iter().flat_map(|(kind, name)| column(kind, name)).collect();
    [&[0x81][..], &count, &columns].concat()
}
