//! One server.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::plain::{Plain, Reply};

/// How long a server may take to answer after its start.
const START_MAX: Duration = Duration::from_secs(20);

/// What is particular about a server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// Part of a cluster.
    pub(crate) cluster: bool,
    /// Keeps its data over a kill, by an append-only file. It is written before each answer and never synced, which a busy
    /// disk makes slow: the system has it then, whatever becomes of the process.
    pub(crate) durable: bool,
}

/// A `redis-server` of this test. It ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    port: u16,
    bus: u16,
    folder: TempDir,
    options: Options,
}

/// Two free ports. Another program may take them first; then the server does not start, and others are tried.
fn free_ports() -> (u16, u16) {
    let one = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let two = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    (one.local_addr().unwrap().port(), two.local_addr().unwrap().port())
}

impl Server {
    /// Starts one.
    pub(crate) fn start(options: Options) -> Self {
        for _ in 0..5 {
            let (port, bus) = free_ports();
            let folder = TempDir::new().unwrap();
            let child = spawn(port, bus, &folder, options);
            let mut server = Self { child, port, bus, folder, options };
            if server.answers() {
                return server;
            }
        }
        panic!("no redis-server starts");
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port by which servers of a cluster speak with each other.
    pub(crate) fn bus(&self) -> u16 {
        self.bus
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection that knows nothing of ours.
    pub(crate) fn plain(&self) -> Plain {
        Plain::connect(self.port).unwrap()
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, on the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            self.child = spawn(self.port, self.bus, &self.folder, self.options);
            if self.answers() {
                return;
            }
        }
        panic!("redis-server does not start again on port {}", self.port);
    }

    /// Stops it where it is: connections stay, nothing answers.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill {signal}");
    }

    fn answers(&mut self) -> bool {
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return false;
            }
            let answer = Plain::connect(self.port).and_then(|mut plain| plain.ask(&["PING"]));
            if matches!(answer, Ok(Reply::Text(pong)) if pong == "PONG") {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16, bus: u16, folder: &TempDir, options: Options) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--databases", "4"]);
    command.arg("--dir").arg(folder.path());
    // A replica must not wait for its copy, and is as far behind as it is.
    command.args(["--repl-diskless-sync-delay", "0"]);
    if options.durable {
        command.args(["--appendonly", "yes", "--appendfsync", "no"]);
    }
    if options.cluster {
        command.args(["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()]);
        command.args(["--cluster-node-timeout", "1000", "--cluster-config-file", "nodes.conf"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until `holds`, or panics with `what`.
pub(crate) fn wait_until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < within, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}
