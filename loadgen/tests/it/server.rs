//! A server of one canned reply that can be stopped for a while.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

#[derive(Default)]
struct State {
    /// No reply leaves between these.
    stalls: Mutex<Vec<(Instant, Instant)>>,
    served: AtomicU64,
    closed: AtomicBool,
}

/// Answers each request with canned bytes, on a thread for each connection.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    pub(crate) fn start(reply: &'static str) -> Self {
        Self::start_with(move |_| reply)
    }

    /// The reply depends on the request's first line.
    pub(crate) fn start_with(reply: impl Fn(&str) -> &'static str + Copy + Send + 'static) -> Self {
        Self::start_over(|stream| stream, reply)
    }

    /// The same over TLS.
    pub(crate) fn start_tls(
        config: Arc<ServerConfig>,
        reply: impl Fn(&str) -> &'static str + Copy + Send + 'static,
    ) -> Self {
        let wrap = move |stream| StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        Self::start_over(wrap, reply)
    }

    fn start_over<S: Read + Write + Send + 'static>(
        wrap: impl Fn(TcpStream) -> S + Send + 'static,
        reply: impl Fn(&str) -> &'static str + Copy + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                if state.closed.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                let stream = wrap(stream);
                thread::spawn(move || serve(stream, reply, &state));
            }
        });
        Self { address, state }
    }

    /// Stops the server from `after` now on for `length`.
    pub(crate) fn stall(&self, after: Duration, length: Duration) {
        let from = Instant::now() + after;
        self.state.stalls.lock().unwrap().push((from, from + length));
    }

    pub(crate) fn served(&self) -> u64 {
        self.state.served.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: impl Read + Write, reply: impl Fn(&str) -> &'static str, state: &State) {
    let mut lines = BufReader::new(stream);
    let (mut line, mut first) = (String::new(), String::new());
    loop {
        line.clear();
        match lines.read_line(&mut line) {
            Ok(read) if read > 0 => {}
            _ => return,
        }
        if line != "\r\n" {
            if first.is_empty() {
                first.clone_from(&line);
            }
            continue;
        }
        let reply = reply(&first);
        first.clear();
        let stalled = |now: Instant| {
            let stalls = state.stalls.lock().unwrap();
            stalls.iter().find(|(from, until)| (*from..*until).contains(&now)).map(|(_, until)| *until - now)
        };
        while let Some(rest) = stalled(Instant::now()) {
            thread::sleep(rest);
        }
        state.served.fetch_add(1, Ordering::SeqCst);
        let writer = lines.get_mut();
        if writer.write_all(reply.as_bytes()).and_then(|()| writer.flush()).is_err() {
            return;
        }
    }
}
