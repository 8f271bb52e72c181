//! A client that costs little: prepared bytes over keep-alive connections, each with one request in flight.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Connections to one server. Each sends its next request when it has read the response before, as wrk does.
pub struct Client {
    runtime: Runtime,
    connections: Vec<TcpStream>,
    request: Vec<u8>,
}

impl Client {
    /// Opens `connections` connections that will send `request`.
    pub fn new(address: SocketAddr, connections: usize, request: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connections = runtime.block_on(async {
            let mut open = Vec::new();
            for _ in 0..connections {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                open.push(stream);
            }
            open
        });
        Self { runtime, connections, request: request.as_bytes().to_vec() }
    }

    /// Keeps all connections busy for `slice`; answers how many responses came.
    pub fn busy(&mut self, slice: Duration) -> u64 {
        let until = Instant::now() + slice;
        self.each(move |done| (done % 16 == 0 && Instant::now() >= until).then_some(()))
    }

    /// Sends `requests` on each connection.
    pub fn rounds(&mut self, requests: u64) -> u64 {
        self.each(move |done| (done >= requests).then_some(()))
    }

    /// One response, as text.
    pub fn one(&mut self) -> String {
        let request = self.request.clone();
        let stream = &mut self.connections[0];
        self.runtime.block_on(async {
            let mut buffer = vec![0; 1 << 16];
            let length = exchange(stream, &request, &mut buffer).await;
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        })
    }

    /// Runs every connection until `ended` says so of the number of its responses, asked before each request.
    fn each(&mut self, ended: impl Fn(u64) -> Option<()> + Copy + Send + 'static) -> u64 {
        let (streams, request) = (std::mem::take(&mut self.connections), self.request.clone());
        let (streams, total) = self.runtime.block_on(async move {
            let mut running = JoinSet::new();
            for mut stream in streams {
                let request = request.clone();
                running.spawn(async move {
                    let mut buffer = vec![0; 1 << 14];
                    let mut done = 0;
                    while ended(done).is_none() {
                        exchange(&mut stream, &request, &mut buffer).await;
                        done += 1;
                    }
                    (stream, done)
                });
            }
            let ended = running.join_all().await;
            let total = ended.iter().map(|(_, done)| done).sum();
            (ended.into_iter().map(|(stream, _)| stream).collect(), total)
        });
        self.connections = streams;
        total
    }
}

/// One request and its response; answers the response's length.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> usize {
    stream.write_all(request).await.unwrap();
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        // A 304 has no body, and hyper leaves its length out.
        if filled >= head + 4 + length.unwrap_or(0) {
            return filled;
        }
    }
}
