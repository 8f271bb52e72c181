//! A server as a local process: started, broken and ended by its own id.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};

use crate::Absence;

/// How often a starting server is asked whether it is ready.
const ASK_EACH: Duration = Duration::from_millis(100);

/// Below the ports that systems give to connections (from 32768 on by default in Linux): one of those may be taken by
/// anybody's connection while a server is being restarted.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port of 127.0.0.1 that nobody listens on; this process gives out each once. Another program may take it before the
/// server does: a server that then ends is started again on another one by whoever asked.
///
/// # Errors
/// The machine has none.
pub fn free_port() -> std::io::Result<u16> {
    // Programs that run beside each other begin at different places.
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        AtomicU32::new(std::process::id().wrapping_mul(7_919) ^ now.subsec_micros())
    });
    let count = u32::from(PORTS.end - PORTS.start);
    for _ in 0..count {
        let place = NEXT.fetch_add(1, Ordering::Relaxed) % count;
        let port = PORTS.start + u16::try_from(place).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A process that ends with its owner.
pub struct LocalProcess {
    name: String,
    log: PathBuf,
    child: Child,
}

impl LocalProcess {
    /// Starts `command`; what it says goes to `log`, behind what is there.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, Absence> {
        let name = command.get_program().to_string_lossy().into_owned();
        let broken = |error: std::io::Error| Absence::Broken(format!("{name} does not start: {error}"));
        let out = File::options().create(true).append(true).open(log).map_err(broken)?;
        let err = out.try_clone().map_err(broken)?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(broken)?;
        Ok(Self { log: log.to_owned(), child, name })
    }

    /// Waits until `is_ready`.
    ///
    /// # Errors
    /// The process ended, or was not ready within `patience`; with the end of its log.
    pub fn wait_until(&mut self, patience: Duration, mut is_ready: impl FnMut() -> bool) -> Result<(), Absence> {
        let begun = Instant::now();
        while !is_ready() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.broken(&format!("ended: {status}")));
            }
            if begun.elapsed() > patience {
                return Err(self.broken(&format!("was not ready after {patience:?}")));
            }
            std::thread::sleep(ASK_EACH);
        }
        Ok(())
    }

    fn broken(&self, what: &str) -> Absence {
        const LINES: usize = 15;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n");
        Absence::Broken(format!("{} {what}\n{last}", self.name))
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        // Both fail only for a process that is gone already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }

    /// Whether it has not ended.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `SIGTERM`, and waits for its end.
    ///
    /// # Errors
    /// It has not ended within `patience`; it is killed then.
    pub fn terminate(&mut self, patience: Duration) -> Result<ExitStatus, Absence> {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Ok(status);
            }
            if begun.elapsed() > patience {
                self.kill();
                return Err(self.broken(&format!("did not end within {patience:?}")));
            }
            std::thread::sleep(ASK_EACH);
        }
    }

    /// `SIGSTOP`: it keeps its connections and does nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// `SIGCONT`.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Fails only for a process that is gone.
            let _gone = kill_process(pid, signal);
        }
    }
}

impl Drop for LocalProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
