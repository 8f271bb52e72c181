//! A Redis for one run: that of `REDIS_URL`, or one of our own where `redis-server` is installed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// A server; one that was started here ends with this value.
#[derive(Debug)]
pub struct Redis {
    /// How it is reached.
    pub url: String,
    own: Option<(Child, u16)>,
}

impl Redis {
    /// A server, if there is one to be had.
    pub fn start() -> Option<Self> {
        if let Ok(url) = std::env::var("REDIS_URL") {
            return Some(Self { url, own: None });
        }
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let redis = Self { url: format!("redis://127.0.0.1:{port}"), own: Some((child, port)) };
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(redis);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// A connection of our own to ask it for PONG, the least that a round trip takes. Only of a server started here.
    pub fn ping(&self) -> Option<impl FnMut() + use<>> {
        let (_, port) = self.own.as_ref()?;
        let mut stream = TcpStream::connect(("127.0.0.1", *port)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(move || {
            let mut pong = [0; 7];
            stream.write_all(b"*1\r\n$4\r\nPING\r\n").unwrap();
            stream.read_exact(&mut pong).unwrap();
            assert_eq!(&pong, b"+PONG\r\n");
        })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.own {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
