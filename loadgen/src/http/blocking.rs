//! A blocking client for what is not measured.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::reply::{Level, Malformed, Version, parse};
use super::tls::Wire;
use super::url::BaseUrl;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// A stream is read in slices this long, between which its reader may be told to end.
const STREAM_SLICE: Duration = Duration::from_millis(100);

/// No answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection failed.
    #[error("{url}: {source}")]
    Io {
        /// Whom it was to.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// The reply is none.
    #[error("{url}: {source}")]
    Malformed {
        /// Who sent it.
        url: String,
        /// What is wrong.
        source: Malformed,
    },
    /// The reply's body is not JSON.
    #[error("{url}: the body is not JSON: {source}")]
    Json {
        /// Who sent it.
        url: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// A reply with its body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `X-Instance`.
    pub instance: Option<String>,
    /// `X-Version`.
    pub version: Option<Version>,
    /// `ETag`, with its quotes.
    pub etag: Option<String>,
    /// `X-Cache-Level`.
    pub level: Option<Level>,
    /// The body.
    pub body: Vec<u8>,
    /// When it was read whole.
    pub at: Instant,
}

/// One keep-alive connection; made when needed, and once more if the server has closed it meanwhile.
#[derive(Debug)]
pub struct BlockingClient {
    base: BaseUrl,
    token: Option<String>,
    stream: Option<Wire>,
}

/// An event stream.
#[derive(Debug)]
pub struct Stream {
    stream: Wire,
    /// What came with the head.
    pending: Vec<u8>,
}

impl BlockingClient {
    /// A client of one base URL, with a bearer token.
    pub fn new(base: BaseUrl, token: Option<String>) -> Self {
        Self { base, token, stream: None }
    }

    /// A GET.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn get(&mut self, path: &str) -> Result<Answer, HttpError> {
        self.send("GET", path, &[], None)
    }

    /// A request with headers and a JSON body.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, HttpError> {
        let body = body.map(Value::to_string);
        let request = self.text(method, path, headers, body.as_deref());
        let reused = self.stream.is_some();
        match self.exchange(request.as_bytes()) {
            // An idle connection may have been closed; a request that may be repeated is, once.
            Err(HttpError::Io { .. }) if reused && matches!(method, "GET" | "DELETE" | "PUT") => {
                self.exchange(request.as_bytes())
            }
            result => result,
        }
    }

    /// The body of an answer as JSON.
    ///
    /// # Errors
    /// [`HttpError::Json`].
    pub fn json(&self, answer: &Answer) -> Result<Value, HttpError> {
        serde_json::from_slice(&answer.body).map_err(|source| HttpError::Json { url: self.base.to_string(), source })
    }

    /// Opens an event stream, and answers its status; the stream only if that is 200.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn stream(&self, path: &str) -> Result<(u16, Option<Stream>), HttpError> {
        let request = self.text("GET", path, &[("Accept", "text/event-stream")], None);
        let mut stream = self.connect()?;
        stream.write_all(request.as_bytes()).map_err(|source| self.failed(source))?;
        let (mut buffer, mut chunk) = (Vec::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut chunk).map_err(|source| self.failed(source))?;
            if read == 0 {
                return Err(self.failed(io::ErrorKind::UnexpectedEof.into()));
            }
            buffer.extend_from_slice(&chunk[..read]);
            let mut headers = [httparse::EMPTY_HEADER; 48];
            let mut head = httparse::Response::new(&mut headers);
            match head.parse(&buffer) {
                Ok(httparse::Status::Complete(at)) => {
                    let status = head.code.unwrap_or(0);
                    if status != 200 {
                        return Ok((status, None));
                    }
                    stream.tcp().set_read_timeout(Some(STREAM_SLICE)).map_err(|source| self.failed(source))?;
                    return Ok((200, Some(Stream { stream, pending: buffer.split_off(at) })));
                }
                Ok(httparse::Status::Partial) if buffer.len() < 64 << 10 => {}
                _ => return Err(HttpError::Malformed { url: self.base.to_string(), source: Malformed::Head }),
            }
        }
    }

    fn text(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> String {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.base.authority());
        if let Some(token) = &self.token {
            text.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body.unwrap_or_default());
        text
    }

    fn failed(&self, source: io::Error) -> HttpError {
        HttpError::Io { url: self.base.to_string(), source }
    }

    fn connect(&self) -> Result<Wire, HttpError> {
        let address = self.base.resolve().map_err(|source| self.failed(source))?;
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(|source| self.failed(source))?;
        let prepared = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(REQUEST_TIMEOUT)))
            .and_then(|()| stream.set_write_timeout(Some(REQUEST_TIMEOUT)));
        prepared.map_err(|source| self.failed(source))?;
        Wire::new(stream, self.base.tls()).map_err(|source| self.failed(source))
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Answer, HttpError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        stream.write_all(request).map_err(|source| self.failed(source))?;
        let (mut buffer, mut chunk) = (Vec::new(), [0; 16 << 10]);
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        loop {
            let parsed = parse(&buffer);
            let parsed = parsed.map_err(|source| HttpError::Malformed { url: self.base.to_string(), source })?;
            if let Some((reply, _)) = parsed {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let answer = Answer {
                    status: reply.status,
                    instance: reply.instance.map(text),
                    version: reply.version,
                    etag: reply.etag.map(text),
                    level: reply.level,
                    body: reply.whole_body(),
                    at: Instant::now(),
                };
                if !reply.closes {
                    self.stream = Some(stream);
                }
                return Ok(answer);
            }
            if Instant::now() > deadline {
                return Err(self.failed(io::ErrorKind::TimedOut.into()));
            }
            match stream.read(&mut chunk).map_err(|source| self.failed(source))? {
                0 => return Err(self.failed(io::ErrorKind::UnexpectedEof.into())),
                read => buffer.extend_from_slice(&chunk[..read]),
            }
        }
    }
}

impl Stream {
    /// What comes within a short while; nothing if nothing did. The bytes are those of the wire: chunk sizes are among
    /// them, on lines of their own.
    ///
    /// # Errors
    /// The stream has ended.
    pub fn read(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        if !self.pending.is_empty() {
            into.append(&mut self.pending);
            return Ok(());
        }
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                into.extend_from_slice(&chunk[..read]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}
