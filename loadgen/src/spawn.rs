//! A server of our own: the release binary with N instances, on free ports of 127.0.0.1, over a database that goes with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use uuid::Uuid;

use crate::failure::Failure;
use crate::http::BaseUrl;

/// How long a start may take.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the end may take before it is enforced.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);
/// The most instances.
const INSTANCES_MAX: usize = 16;
/// Lines of the server's log that are shown when it fails.
const LOG_LINES_SHOWN: usize = 12;

/// What is to run.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// How many instances.
    pub instances: usize,
    /// Settings that differ from the defaults, as `section.key`.
    pub settings: &'a BTreeMap<String, String>,
    /// The roles of each instance; empty: all.
    pub roles: &'a str,
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub struct Spawned {
    child: Child,
    dir: TempDir,
    /// The secret that its tokens are signed with.
    pub secret: String,
    /// The addresses of the API.
    pub api: Vec<BaseUrl>,
    /// The internal addresses.
    pub internal: Vec<BaseUrl>,
    /// The addresses of the notification API, where it is served.
    pub notifications: Vec<BaseUrl>,
    binary: PathBuf,
}

/// The binary beside our own.
///
/// # Errors
/// There is none.
pub fn beside_ourselves() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| Failure::Usage(format!("where am I: {error}")))?;
    let beside = own.with_file_name("smartpulse");
    if beside.is_file() {
        return Ok(beside);
    }
    Err(Failure::Usage(format!(
        "{} is not there: `cargo build --release -p smartpulse -p loadgen` makes it, or name one with --binary",
        beside.display()
    )))
}

/// What a binary says it is; one with planted bugs is refused, since its figures would be nobody's.
///
/// # Errors
/// It cannot be run, or has planted bugs.
pub fn version_of(binary: &Path) -> Result<String, Failure> {
    let refused = |reason: String| Failure::Usage(format!("{}: {reason}", binary.display()));
    let output = Command::new(binary).arg("--version").output().map_err(|error| refused(error.to_string()))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || !version.starts_with("smartpulse") {
        return Err(refused("`--version` does not say smartpulse".to_owned()));
    }
    if version.contains("planted bugs") {
        return Err(refused(format!("it was built with planted bugs ({version}); nothing is measured on it")));
    }
    Ok(version)
}

impl Spawned {
    /// Starts it and waits until it tells its addresses.
    ///
    /// # Errors
    /// It does not start; its last lines are in the text.
    pub fn start(wanted: &Wanted<'_>) -> Result<Self, Failure> {
        if wanted.instances == 0 || wanted.instances > INSTANCES_MAX {
            return Err(Failure::Usage(format!("--spawn takes 1 to {INSTANCES_MAX} instances")));
        }
        let io = |error: std::io::Error| Failure::Target(format!("the server cannot be started: {error}"));
        let dir = tempfile::Builder::new().prefix("loadgen-").tempdir().map_err(io)?;
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let mut command = Command::new(wanted.binary);
        let out = fs::File::create(dir.path().join("out")).map_err(io)?;
        let log = fs::File::create(dir.path().join("log")).map_err(io)?;
        command.args(["serve", "--empty", "--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0"]);
        command.args(["--log-level", "warn", "--instances", &wanted.instances.to_string()]);
        command.arg("--data-dir").arg(dir.path().join("data"));
        if !wanted.roles.is_empty() {
            command.args(["--roles", wanted.roles]);
        }
        for (key, value) in wanted.settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        // Its own folder, so that no smartpulse.toml lies there; its own environment, so that nothing else configures it. The
        // secret is not an argument: those are read by everybody on the machine.
        command.current_dir(dir.path()).env_clear().env("SMARTPULSE__AUTH__SECRET", &secret);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(log).spawn().map_err(io)?;
        let mut spawned = Self {
            child,
            dir,
            secret,
            api: Vec::new(),
            internal: Vec::new(),
            notifications: Vec::new(),
            binary: wanted.binary.to_owned(),
        };
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = spawned.child.try_wait() {
                return Err(Failure::Target(format!("the server ended at its start ({status}):\n{}", spawned.log())));
            }
            let shown = fs::read_to_string(spawned.dir.path().join("out")).unwrap_or_default();
            spawned.api = addresses(&shown, "API");
            spawned.internal = addresses(&shown, "Metrics");
            spawned.notifications = addresses(&shown, "Notifications");
            if spawned.api.len() == wanted.instances && spawned.internal.len() == wanted.instances {
                return Ok(spawned);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(Failure::Target(format!("the server told no addresses within {START_TIMEOUT:?}:\n{}", spawned.log())))
    }

    /// Tells the server people's addresses: a table as `smartpulse import-directory` takes it.
    ///
    /// # Errors
    /// The binary refuses it.
    pub fn import_directory(&self, table: &str) -> Result<(), Failure> {
        let failed = |reason: String| Failure::Target(format!("import-directory: {reason}"));
        let path = self.dir.path().join("people.csv");
        fs::write(&path, table).map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(&self.binary);
        command.arg("import-directory").arg(&path).arg("--data-dir").arg(self.dir.path().join("data"));
        command.current_dir(self.dir.path()).env_clear().env("SMARTPULSE__AUTH__SECRET", &self.secret);
        let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(failed(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }

    /// Processor time that it has used, in seconds; nothing where the system does not tell.
    pub fn processor_s(&self) -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The program's name, in parentheses, may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Memory that it holds, in bytes.
    pub fn memory_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// Stops it (`true`) or lets it go on (`false`).
    pub fn stall(&self, stopped: bool) {
        self.signal(if stopped { Signal::STOP } else { Signal::CONT });
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may be gone already, which is what a stop wants.
            let _ = kill_process(pid, signal);
        }
    }

    /// The last lines of its log.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The addresses of lines such as `API-2    http://127.0.0.1:8090/api/forecasts`, in order.
fn addresses(shown: &str, name: &str) -> Vec<BaseUrl> {
    let of_line = |line: &str| {
        let mut words = line.split_whitespace();
        let rest = words.next()?.strip_prefix(name)?;
        let is_own = rest.is_empty() || rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok());
        let url = words.next().filter(|_| is_own)?;
        let authority = url.strip_prefix("http://")?.split('/').next()?;
        BaseUrl::parse(&format!("http://{authority}")).ok()
    };
    // The last line may be half written.
    let whole = shown.rfind('\n').map_or("", |end| &shown[..end]);
    whole.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_all_instances_are_read() {
        let shown = "SmartPulse 0.1.0\n\n  API      http://127.0.0.1:8080/api/forecasts\n  Docs     http://127.0.0.1:8080/docs\n  \
            Metrics  http://127.0.0.1:9090/metrics\n  API-2    http://127.0.0.1:8090/api/forecasts\n  Metrics-2  http://127.0.0.1:9091/met";
        let ports = |name| addresses(shown, name).iter().map(BaseUrl::port).collect::<Vec<_>>();
        assert_eq!(ports("API"), [8080, 8090]);
        assert_eq!(ports("Metrics"), [9090], "half a line is no line");
    }

    #[test]
    fn what_is_no_smartpulse_is_refused() {
        assert!(version_of(Path::new("/bin/true")).is_err());
        assert!(version_of(Path::new("/nowhere/smartpulse")).is_err());
    }
}
